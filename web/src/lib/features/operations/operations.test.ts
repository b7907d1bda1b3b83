import { describe, expect, it } from 'vitest';
import type { Agent, Alert, FleetSummary, Source } from '$lib/api/types';
import { EMPTY, reduce } from '$lib/state/picture';
import { agent, alert, alertAbout, at, run, snapshot, source, T0 } from '$lib/testing';
import { sortAlerts } from './alerts';
import { because } from './because';
import { CHARTS, activityQuery, on, quoted, shownCharts, windowFor } from './charts';
import { board, columnOf } from './columns';
import { criticalWords, headline, plain } from './headline';
import { fullness, troubled } from './host';
import { needs } from './needs';

const pictureOf = (agents: Agent[], alerts: Alert[] = [], sources: Source[] = [source('s')]) =>
  reduce(EMPTY, [{ type: 'snapshot', data: snapshot({ agents, alerts, sources }) }]);
const say = (agents: Agent[], alerts: Alert[] = [], sources?: Source[]) =>
  plain(headline(pictureOf(agents, alerts, sources), needs(agents, alerts)));

const asking = agent('release-notes', {
  state: 'waiting_human',
  since: at(182),
  pending: [{ id: 'p1', kind: 'permission', what: 'bash: git push', since: at(180) }],
});
const stalled = agent('billing', { state: 'stalled', since: at(680), evidence: [{ at: at(680), what: 'no token since 09:31' }] });
const well = [agent('a'), agent('b'), agent('c', { state: 'idle' })];

describe('the headline is the answer', () => {
  it('before the first snapshot it promises nothing', () => {
    expect(plain(headline(EMPTY, []))).toBe('Looking at the fleet.');
  });
  it.each([
    ['all well', say(well), 'All is well. 2 of 3 agents are working.'],
    ['all well, one agent', say([agent('a')]), 'All is well. One agent is working.'],
    ['at rest', say([agent('a', { state: 'idle' }), agent('b', { state: 'idle' })]), 'All is well. None of 2 agents are working.'],
    ['no agents', say([], [], []), 'No agent is known yet.'],
    ['no agents, source down', say([], [], [source('s', { state: 'down' })]), 'One source is not live; no agent is known yet.'],
    ['a question', say([...well, asking]), 'One agent needs you. 3 of 4 agents are well.'],
    [
      'two agents and an alert',
      say([...well, asking, stalled], [alertAbout('x', stalled)]),
      'Two agents need you. One alert is open; 3 of 5 agents are well.',
    ],
    ['only an alert', say(well, [alert('disk')]), 'One alert waits for you. 2 of 3 agents are working.'],
    ['an acknowledged alert', say(well, [alert('disk', { status: 'acknowledged' })]), 'One alert is open; 2 of 3 agents are working.'],
    ['a failed agent', say([...well, agent('f', { state: 'failed' })]), '3 of 4 agents are well.'],
    ['the only agent is dead', say([agent('f', { state: 'dead' })]), 'The only agent is not well.'],
    [
      'a refused source',
      say(well, [alert('disk', { status: 'acknowledged' })], [source('a'), source('b', { state: 'refused' })]),
      'One alert is open, one source is not live; 2 of 3 agents are working.',
    ],
  ])('%s', (_, said, expected) => expect(said).toBe(expected));

  it('links to what it names', () => {
    const parts = headline(pictureOf([asking]), needs([asking], []));
    expect(parts.filter((part) => part.href !== undefined).map((part) => part.href)).toEqual(['#needs', '#fleet']);
    expect(parts[0]?.tone).toBe('human');
  });
  it('interrupts a screen reader for critical alerts only', () => {
    expect(criticalWords(pictureOf(well, [alert('Disk full', { severity: 'critical' }), alert('x')]))).toBe('Critical: Disk full.');
    expect(criticalWords(pictureOf(well, [alert('Disk full', { severity: 'critical', status: 'acknowledged' })]))).toBe('');
  });
});

describe('needs you now', () => {
  it('is oldest first, and an alert about a stuck agent stands on its line', () => {
    const list = needs([...well, asking, stalled], [alertAbout('stuck', stalled), alert('disk', { timestamp: at(300) })]);
    expect(list.map((need) => need.key)).toEqual([`stuck ${stalled.id}`, 'alert disk', `ask ${asking.id} p1`]);
    expect(list[0]?.alerts.map((one) => one.id)).toEqual(['stuck']);
  });
  it('finds the agent of an alert in its labels too', () => {
    const labelled = alert('stuck', { metadata: { rule_id: 'r', labels: { agent: stalled.id } } });
    expect(needs([stalled], [labelled])).toHaveLength(1);
  });
  it('lets go of a stuck agent once its alert was acknowledged', () => {
    expect(needs([stalled], [alertAbout('stuck', stalled, { status: 'acknowledged' })])).toEqual([]);
  });
  it('keeps a question until somebody answers it', () => {
    expect(needs([asking], [alertAbout('waits', asking, { status: 'acknowledged' })])).toHaveLength(1);
  });
  it('has a line for each question, and one for a wait without a known question', () => {
    const second = { id: 'p2', kind: 'question' as const, what: 'which?', since: at(10) };
    expect(needs([{ ...asking, pending: [...asking.pending, second] }], [])).toHaveLength(2);
    expect(needs([{ ...asking, pending: [] }], []).map((need) => need.kind)).toEqual(['ask']);
  });
  it('shows an alert about a healthy or unknown agent by itself', () => {
    const first = agent('a');
    expect(needs([first], [alertAbout('cost', first)])[0]).toMatchObject({ kind: 'alert', agent: { name: 'a' } });
    expect(needs([], [alertAbout('gone', first)])[0]).toMatchObject({ kind: 'alert', agent: null });
  });
  it('says why, and what was tried', () => {
    const [need] = needs([stalled], []);
    expect(need && because(need, [run('r', { agent: stalled.id, outcome: 'ineffective', timestamp: at(60) })], T0)).toMatch(
      /^No token since 09:31\. A restart at \d\d:\d\d:\d\d changed nothing\.$/,
    );
  });
});

describe('the fleet board', () => {
  const columns = (agents: Agent[]) =>
    board(new Map(agents.map((one) => [one.id, one]))).map((column) => column.cards.map((card) => `${'  '.repeat(card.depth)}${card.agent.name}${card.of === null ? '' : ` of ${card.of}`}`));

  it('has a column for every state, and unknown ones stand at the end', () => {
    expect(columnOf(agent('x', { state: 'wedged' })).id).toBe('stuck');
    expect(columnOf(agent('x', { state: 'dreaming' as never })).id).toBe('idle');
  });
  it('puts what can be freed before what is over', () => {
    const dead = agent('dead', { state: 'dead', since: at(9000) });
    const failed = agent('failed', { state: 'failed', since: at(8000) });
    expect(columns([dead, failed, stalled])[0]).toEqual(['billing', 'failed', 'dead']);
  });
  it('nests a subagent below its parent in the same column and names the parent elsewhere', () => {
    const boss = agent('boss');
    const near = agent('near', { parent: boss.id, since: at(900) });
    const far = agent('far', { parent: boss.id, state: 'idle' });
    expect(columns([near, boss, far])).toEqual([[], [], [], ['boss', '  near'], ['far of boss']]);
  });
  it('survives agents that name each other as parents', () => {
    const a = agent('a', { parent: agent('b').id });
    const b = agent('b', { parent: agent('a').id });
    expect(columns([a, b])[3]).toHaveLength(2);
  });
  it('shows the longest wait first and the latest rest first', () => {
    expect(columns([agent('new', { since: at(5) }), agent('old', { since: at(50) })])[3]).toEqual(['old', 'new']);
    expect(columns([agent('old', { state: 'idle', since: at(50) }), agent('new', { state: 'idle', since: at(5) })])[4]).toEqual(['new', 'old']);
  });
});

describe('what the charts ask', () => {
  it('widens the rate window with the step, never below four sample intervals', () => {
    expect([windowFor(10), windowFor(30), windowFor(120)]).toEqual(['120s', '120s', '480s']);
    expect(activityQuery(60)).toBe('sum by (agent) (rate(agent_tokens_total[240s]))');
  });
  it('quotes the instance', () => {
    expect(on('a"b\\c', 'mode="idle"')).toBe('{instance="a\\"b\\\\c",mode="idle"}');
    expect(on(null)).toBe('');
    expect(quoted('x\ny')).toBe('"x\\ny"');
  });
  it('asks balanced PromQL for every chart', () => {
    for (const kind of CHARTS) {
      for (const query of kind.queries('2m', 'box')) {
        const depth = [...query].reduce((n, c) => n + (c === '(' ? 1 : c === ')' ? -1 : 0), 0);
        expect([kind.id, depth]).toEqual([kind.id, 0]);
      }
    }
  });
  it('leaves a gap in errors where nothing was called', () => {
    expect(CHARTS.find((kind) => kind.id === 'errors')?.queries('2m', null)[0]).toContain(') > 0)');
  });
});

describe('a young installation', () => {
  const fleet = (total: number) =>
    ({ total, by_state: {}, tokens_per_minute: null, cost_per_hour: null, sources_live: 0, sources_total: 0 }) satisfies FleetSummary;
  const ids = (...asked: Parameters<typeof shownCharts>) => shownCharts(...asked).map((kind) => kind.id);
  it('shows no empty charts of agents before there was one', () => {
    expect(ids(fleet(0), [])).toEqual(['cpu', 'memory']);
    expect(ids(fleet(0), [null, 0, 0])).toEqual(['cpu', 'memory']);
  });
  it('shows them once there is or was an agent', () => {
    expect(ids(fleet(1), [])).toHaveLength(CHARTS.length);
    expect(ids(fleet(0), [null, 2, 0])).toHaveLength(CHARTS.length);
  });
});

describe('alerts and host', () => {
  it('sorts what nobody has taken first, then the worst', () => {
    const list = [alert('low', { severity: 'low' }), alert('taken', { severity: 'critical', status: 'acknowledged' }), alert('high')];
    expect(sortAlerts(list).map((one) => one.id)).toEqual(['high', 'low', 'taken']);
  });
  it('colours a bar at the limits of the health check', () => {
    expect([fullness(80, 80, 90), fullness(81, 80, 90), fullness(91, 80, 90)]).toEqual(['work', 'stall', 'dead']);
  });
  it('lists only the checks that complain', () => {
    const check = (component: string, status: 'healthy' | 'degraded' | 'critical') => ({ component, status, message: '', response_time_ms: 1, timestamp: at(0) });
    const health = { status: 'critical' as const, message: '', components: { a: check('a', 'healthy'), b: check('b', 'degraded'), c: check('c', 'critical') } };
    expect(troubled(health).map((one) => one.component)).toEqual(['c', 'b']);
    expect(troubled(null)).toEqual([]);
  });
});
