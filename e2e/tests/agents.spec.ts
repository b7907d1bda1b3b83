/** What Watchkeeper says about real OpenCode sessions, as a person would provoke them. */
import { signIn } from '../support/page.js';
import { eventually } from '../support/process.js';
import { expect, test } from '../support/world.js';

test('a prompt that completes is working, then idle, and is counted', async ({ world }) => {
  const { opencode, watchkeeper } = world;
  const session = await opencode.createSession('slow but sure');
  await opencode.prompt(session, 'slow', 'say hello');

  const working = await watchkeeper.agentIn(session, ['working']);
  expect(working.name).toBe('slow but sure');

  await watchkeeper.agentIn(session, ['idle']);
  const idle = await eventually('the tokens to be counted', async () => {
    const agent = await watchkeeper.agent(session);
    return agent && agent.totals.tokens.total > 0 && agent;
  });
  expect(idle.totals.turns).toBe(1);
  expect(idle.totals.tokens.total).toBe(1225);
  // 1000 input, 200 from the cache, 25 output at 3, 0.3 and 15 dollars a million.
  expect(idle.totals.cost_usd).toBeCloseTo(0.003435, 6);
});

test('a tool that fails is a tool error, not a failed agent', async ({ world }) => {
  const { opencode, watchkeeper } = world;
  const session = await opencode.createSession('tools');
  await opencode.prompt(session, 'tools', 'look around');

  await eventually('the turn to end with two calls', async () => {
    const agent = await watchkeeper.agent(session);
    return agent?.state === 'idle' && agent.totals.tool_calls === 2 && agent.totals.tool_errors === 1;
  });
  const counted = `sum(agent_tool_errors_total{agent=~".*${session}"})`;
  await eventually('the counter to be queryable', async () => (await watchkeeper.value(counted)) === 1);
});

test('a storm of 429 is waiting for the provider, never stalled', async ({ world }) => {
  const { opencode, watchkeeper, receiver } = world;
  const session = await opencode.createSession('rate limited');
  await opencode.prompt(session, 'err429', 'go on');

  const waiting = await watchkeeper.agentIn(session, ['waiting_provider']);
  expect(waiting.evidence.map(({ what }) => what).join(' ')).toContain('Rate limit');

  // OpenCode gives up after five retries, about ten seconds: longer than the stall limit of four.
  const seen = new Set<string>();
  await eventually('OpenCode to give up', async () => {
    const agent = await watchkeeper.agent(session);
    if (agent) seen.add(agent.state);
    return agent?.state === 'failed';
  }, 40_000);
  expect([...seen]).not.toContain('stalled');
  expect(receiver.story('agent_stalled')).toEqual([]);
});

test('a permission prompt is waiting for a person, who can allow it from the page', async ({ world, page }) => {
  const { opencode, watchkeeper } = world;
  const session = await opencode.createSession('tidy up');
  await opencode.prompt(session, 'permission', 'remove the left-over');

  const waiting = await watchkeeper.agentIn(session, ['waiting_human']);
  expect(waiting.pending[0]?.what).toContain('rm -f');
  // It waits for longer than the stall limit and is still not stalled.
  const later = await eventually('six seconds of waiting', async () => {
    const agent = await watchkeeper.agent(session);
    expect(agent?.state).toBe('waiting_human');
    const since = (agent as unknown as { since: string }).since;
    return Date.now() - Date.parse(since) > 6_000 && agent;
  });
  expect(later.state).toBe('waiting_human');

  await signIn(page, watchkeeper.page);
  const needs = page.getByRole('region', { name: 'Needs you now' });
  await expect(needs).toContainText('tidy up');
  await needs.getByRole('button', { name: 'Allow once' }).click();
  await watchkeeper.agentIn(session, ['idle', 'working']);
  await expect(needs).not.toContainText('tidy up');
  await watchkeeper.agentIn(session, ['idle']);
});

test('a killed server makes its busy agent dead; after its return nothing is there twice', async ({ world }) => {
  const { opencode, watchkeeper } = world;
  const session = await opencode.createSession('cut off');
  await opencode.prompt(session, 'toolhang', 'run it');
  await watchkeeper.agentIn(session, ['working']);
  const before = (await watchkeeper.agents()).map(({ session }) => session).sort();

  await opencode.kill();
  await watchkeeper.agentIn(session, ['dead']);

  await opencode.resume();
  const back = await watchkeeper.agentIn(session, ['failed', 'idle'], 40_000);
  expect(back.evidence.length).toBeGreaterThan(0);
  const after = (await watchkeeper.agents()).map(({ session }) => session).sort();
  expect(after).toEqual(before);

  await opencode.prompt(session, 'ok', 'continue');
  await watchkeeper.agentIn(session, ['idle'], 40_000);
  expect((await watchkeeper.agents()).filter((agent) => agent.session === session)).toHaveLength(1);
});
