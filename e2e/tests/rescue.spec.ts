/**
 * The story that Watchkeeper is for: an agent hangs, a person is told, the agent is freed,
 * and there is proof. Chromium sees each step; `SCREENSHOTS=folder` keeps the pictures.
 */
import { join } from 'node:path';

import type { Page } from '@playwright/test';

import { signIn } from '../support/page.js';
import { eventually } from '../support/process.js';
import { expect, test } from '../support/world.js';

test('a hung agent is noticed, told about, freed, and proven to be well', async ({ world, page }) => {
  const { llm, opencode, receiver, watchkeeper } = world;
  await signIn(page, watchkeeper.page);
  const fleet = page.getByRole('region', { name: 'Fleet' });
  const needs = page.getByRole('region', { name: 'Needs you now' });
  const automation = page.getByRole('region', { name: 'What the automation did' });

  await busyCompany(world);
  const session = await opencode.createSession('billing-refactor');
  await opencode.prompt(session, 'hangonce', 'refactor the billing module');
  await watchkeeper.agentIn(session, ['working']);
  await expect(fleet).toContainText('billing-refactor');

  const stalled = await watchkeeper.agentIn(session, ['stalled']);
  expect(stalled.evidence.map(({ what }) => what).join(' ')).toMatch(/model/);
  await eventually('the webhook to hear of it', async () => receiver.story('agent_stalled').includes('active'));
  await expect(needs).toContainText('billing-refactor');
  await keep(page, 'stalled');

  const run = await eventually('the recovery to be verified', async () =>
    (await watchkeeper.runs(stalled.id)).find(({ outcome }) => outcome !== 'running'),
  );
  expect(run).toMatchObject({ action: 'restart_stuck_agents', outcome: 'verified', trigger: 'auto_recovery' });
  expect(run.steps.every(({ ok }) => ok)).toBe(true);
  expect(run.before.length).toBeGreaterThan(0);
  expect(run.after.length).toBeGreaterThan(0);
  // The model was really asked again, and the session really moved on.
  expect(llm.attempts('hangonce')).toBeGreaterThanOrEqual(2);
  await watchkeeper.agentIn(session, ['idle']);

  await eventually('the alert to resolve', async () => (await watchkeeper.openAlerts('agent_stalled')).length === 0);
  await eventually('the webhook to hear of the end', async () => receiver.story('agent_stalled').length === 2);
  await expect(automation).toContainText('billing-refactor');
  await expect(needs).not.toContainText('billing-refactor');
  await keep(page, 'freed');

  // A restart neither forgets nor tells again.
  await watchkeeper.stop();
  await watchkeeper.resume();
  await watchkeeper.agentIn(session, ['idle']);
  expect(await watchkeeper.runs(stalled.id)).toHaveLength(1);
  expect(receiver.story('agent_stalled')).toEqual(['active', 'resolved']);
});

test('a hung model is noticed although OpenCode gives its request up and asks it again', async ({ world }) => {
  const { opencode, receiver, watchkeeper } = world;
  const heard = receiver.story('agent_stalled').length;
  const session = await opencode.createSession('impatient');
  await opencode.prompt(session, 'hangprompt', 'refactor the billing module', 'impatient');

  const stalled = await watchkeeper.agentIn(session, ['stalled'], 30_000);
  expect(stalled.evidence.map(({ what }) => what).join('; ')).toContain('given up at');
  await eventually('the webhook to hear of it', async () => receiver.story('agent_stalled').length > heard);

  const run = await eventually('the recovery to be verified', async () =>
    (await watchkeeper.runs(stalled.id)).find(({ outcome }) => outcome !== 'running'),
  );
  expect(run).toMatchObject({ outcome: 'verified', trigger: 'auto_recovery' });
  await watchkeeper.agentIn(session, ['idle']);
  const refused = `agent_state_seconds_total{agent="${stalled.id}",state="waiting_provider"}`;
  expect(await watchkeeper.value(refused), 'nobody refused anything').toBeUndefined();
});

/** Some agents that do well, so that the one that does not stands out. */
async function busyCompany({ opencode }: import('../support/world.js').World): Promise<void> {
  for (const [title, model] of [
    ['api-tests', 'tools'],
    ['search-index', 'ok'],
    ['release-notes', 'permission'],
    ['docs-bot', 'todo'],
  ] as const) {
    await opencode.prompt(await opencode.createSession(title), model, 'do your part');
  }
}

async function keep(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) });
}
