import { describe, expect, it, vi } from 'vitest';
import { agent, alert, at, run, snapshot, source, T0 } from '../testing';
import { ApiError } from '../api/request';
import { ChartData } from './chart-data.svelte';
import { Clock } from './clock.svelte';
import { Keys } from './keys.svelte';
import { Live, STALE_AFTER_MS, type Stream } from './live.svelte';
import { hrefWith, pathWithin } from './location.svelte';
import { Notices } from './notices.svelte';
import { EMPTY, reduce } from './picture';
import { readRange, stepFor, zoomParameters } from './time-range';

describe('the picture', () => {
  const start = reduce(EMPTY, [
    { type: 'snapshot', data: snapshot({ agents: [agent('a')], alerts: [alert('x'), alert('old', { status: 'resolved' })], sources: [source('s')] }) },
  ]);

  it('is unknown before the first snapshot and known after it', () => {
    expect([EMPTY.known, start.known]).toEqual([false, true]);
    expect([...start.alerts.keys()]).toEqual(['x']);
  });
  it('replaces, adds and removes', () => {
    const next = reduce(start, [
      { type: 'agent', data: agent('a', { state: 'idle' }) },
      { type: 'agent', data: agent('b') },
      { type: 'agent_removed', data: { id: agent('a').id } },
      { type: 'source', data: source('s', { state: 'down' }) },
      { type: 'alert', data: alert('x', { status: 'resolved' }) },
      { type: 'alert', data: alert('y', { status: 'acknowledged' }) },
      { type: 'alert', data: alert('z', { status: 'pending' }) },
    ]);
    expect([...next.agents.values()].map((one) => one.name)).toEqual(['b']);
    expect(next.sources.get('s')?.state).toBe('down');
    expect([...next.alerts.keys()]).toEqual(['y']);
  });
  it('never changes the picture that is on the screen', () => {
    reduce(start, [{ type: 'agent_removed', data: { id: agent('a').id } }]);
    expect(start.agents.size).toBe(1);
  });
  it('lets what did not change be the same object', () => {
    const next = reduce(start, [{ type: 'agent', data: agent('b') }]);
    expect(next.alerts).toBe(start.alerts);
    expect(next.agents).not.toBe(start.agents);
  });
  it('copies the fleet once a batch, however many events', () => {
    const events = Array.from({ length: 200 }, (_, i) => ({ type: 'agent' as const, data: agent(`n${i}`) }));
    expect(reduce(start, events).agents.size).toBe(201);
  });
  it('keeps one line a run, the newest first, and no more than fifty', () => {
    const runs = Array.from({ length: 60 }, (_, i) => ({ type: 'run' as const, data: run(`r${i}`, { timestamp: at(100 - i) }) }));
    const next = reduce(start, [...runs, { type: 'run', data: run('r59', { timestamp: at(41), outcome: 'failed' }) }]);
    expect(next.runs).toHaveLength(50);
    expect(next.runs[0]).toMatchObject({ id: 'r59', outcome: 'failed' });
  });
  it('a second snapshot forgets what it does not name', () => {
    const next = reduce(start, [{ type: 'agent', data: agent('b') }, { type: 'snapshot', data: snapshot() }, { type: 'agent', data: agent('c') }]);
    expect([...next.agents.values()].map((one) => one.name)).toEqual(['c']);
  });
});

function stand(session: 'signed-in' | 'signed-out' | 'unreachable' = 'signed-in') {
  let now = T0;
  const streams: (Stream & { emit: (type: string, data?: unknown) => void; raw: (type: string, text: string) => void; readyState: number; closed: boolean })[] = [];
  const timers: { at: number; work: () => void; gone: boolean }[] = [];
  const told = { signedOut: 0, times: [] as string[] };
  const live = new Live({
    open: () => {
      const listeners = new Map<string, (event: { data?: unknown }) => void>();
      const stream = {
        readyState: 1,
        closed: false,
        addEventListener: (type: string, listener: (event: { data?: unknown }) => void) => void listeners.set(type, listener),
        close: () => void (stream.closed = true),
        raw: (type: string, text: string) => listeners.get(type)?.({ data: text }),
        emit: (type: string, data?: unknown) => listeners.get(type)?.(data === undefined ? {} : { data: JSON.stringify(data) }),
      };
      streams.push(stream);
      return stream;
    },
    now: () => now,
    soon: (work) => work(),
    after: (ms, work) => {
      const timer = { at: now + ms, work, gone: false };
      timers.push(timer);
      return () => void (timer.gone = true);
    },
    checkSession: () => Promise.resolve(session),
    onSignedOut: () => void (told.signedOut += 1),
    onServerTime: (text) => void told.times.push(text),
  });
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 1000) {
      now += Math.min(1000, left);
      for (const timer of timers.filter((one) => !one.gone && one.at <= now)) {
        timer.gone = true;
        timer.work();
      }
      live.tick();
    }
  };
  const last = () => streams[streams.length - 1] as (typeof streams)[number];
  return { live, pass, last, streams, told };
}

describe('the live stream', () => {
  it('is live from the first event on and learns the time of the server', () => {
    const { live, last, told } = stand();
    live.start();
    expect(live.status).toBe('connecting');
    last().emit('snapshot', snapshot({ agents: [agent('a')] }));
    expect(live.status).toBe('live');
    expect(live.picture.agents.size).toBe(1);
    expect(told.times).toEqual([at(0)]);
  });
  it('a ping is a sign of life', () => {
    const { live, last, pass } = stand();
    live.start();
    last().emit('snapshot', snapshot());
    pass(STALE_AFTER_MS - 1000);
    last().emit('ping', { now: at(0) });
    pass(STALE_AFTER_MS - 1000);
    expect(live.status).toBe('live');
    expect(live.age).toBe(STALE_AFTER_MS - 1000);
  });
  it('is stale after fifteen silent seconds, says how old, and connects again', () => {
    const { live, last, pass, streams } = stand();
    live.start();
    last().emit('snapshot', snapshot({ agents: [agent('a')] }));
    pass(STALE_AFTER_MS + 1000);
    expect(live.status).toBe('stale');
    expect(live.age).toBe(16_000);
    expect(live.picture.agents.size).toBe(1);
    expect(live.retryAt).not.toBeNull();
    pass(1000);
    expect(streams).toHaveLength(2);
    expect(streams[0]?.closed).toBe(true);
    last().emit('snapshot', snapshot());
    expect(live.status).toBe('live');
  });
  it('waits longer with every attempt, up to half a minute', () => {
    const { live, last, pass, streams } = stand();
    live.start();
    last().emit('snapshot', snapshot());
    const opened: number[] = [];
    for (let second = 0; second < 240; second++) {
      pass(1000);
      if (streams.length > opened.length + 1) opened.push(second);
    }
    const gaps = opened.slice(1).map((one, i) => one - (opened[i] ?? 0));
    expect(gaps).toEqual([...gaps].sort((a, b) => a - b));
    expect(gaps.at(-1)).toBeLessThanOrEqual(30 + 17);
  });
  it('ignores an old stream that speaks late', () => {
    const { live, streams, last } = stand();
    live.start();
    live.reconnectNow();
    streams[0]?.emit('snapshot', snapshot({ agents: [agent('ghost')] }));
    expect(live.picture.known).toBe(false);
    last().emit('snapshot', snapshot());
    expect(live.picture.known).toBe(true);
  });
  it('goes to the login page when the session is over', async () => {
    const { live, last, told } = stand('signed-out');
    live.start();
    last().readyState = 2;
    last().emit('error');
    await Promise.resolve();
    await Promise.resolve();
    expect(told.signedOut).toBe(1);
  });
  it('leaves reconnecting to the browser while it does that by itself', async () => {
    const { live, last, streams } = stand();
    live.start();
    last().readyState = 0;
    last().emit('error');
    await Promise.resolve();
    expect(live.retryAt).toBeNull();
    expect(streams).toHaveLength(1);
  });
  it('backs off when the server refuses', async () => {
    const { live, last, pass, streams } = stand('unreachable');
    live.start();
    last().readyState = 2;
    last().emit('error');
    await Promise.resolve();
    await Promise.resolve();
    expect(live.retryAt).toBe(T0 + 1000);
    pass(1000);
    expect(streams).toHaveLength(2);
  });
  it('survives a line that is not JSON', () => {
    const { live, last } = stand();
    live.start();
    last().emit('snapshot', snapshot());
    expect(() => last().raw('agent', '{"id":')).not.toThrow();
    last().emit('agent', agent('a'));
    expect(live.picture.agents.size).toBe(1);
    expect(live.status).toBe('live');
  });
  it('shows an acknowledgement at once and takes it back', () => {
    const { live, last } = stand();
    live.start();
    last().emit('snapshot', snapshot({ alerts: [alert('x')] }));
    const undo = live.assume(alert('x', { status: 'acknowledged' }));
    expect(live.picture.alerts.get('x')?.status).toBe('acknowledged');
    undo();
    expect(live.picture.alerts.get('x')?.status).toBe('active');
  });
  it('does not take back what the server said meanwhile', () => {
    const { live, last } = stand();
    live.start();
    last().emit('snapshot', snapshot({ alerts: [alert('x')] }));
    const undo = live.assume(alert('x', { status: 'acknowledged' }));
    last().emit('alert', alert('x', { status: 'resolved' }));
    undo();
    expect(live.picture.alerts.size).toBe(0);
  });
  it('forgets everything when one signs out', () => {
    const { live, last } = stand();
    live.start();
    last().emit('snapshot', snapshot({ agents: [agent('a')] }));
    live.stop();
    expect(live.picture).toBe(EMPTY);
    expect(last().closed).toBe(true);
  });
});

describe('the clock', () => {
  it('shows the time of the server on a computer that is two minutes slow', () => {
    const clock = new Clock();
    clock.learn(T0 + 120_000, T0);
    expect(clock.now).toBe(T0 + 120_000);
    clock.tick(T0 + 5000);
    expect(clock.now).toBe(T0 + 125_000);
    expect(clock.local).toBe(T0 + 5000);
  });
  it('ignores a time that is none', () => {
    const clock = new Clock();
    clock.learn(T0, T0);
    clock.learn(Number.NaN, T0);
    clock.tick(T0);
    expect(clock.now).toBe(T0);
  });
});

describe('the time range', () => {
  const read = (query: string) => readRange(new URLSearchParams(query), T0 + 7000);

  it('is the last hour unless the URL says otherwise', () => {
    expect(read('')).toMatchObject({ name: '1h', step: 30, label: 'Last hour' });
    expect(read('range=24h')).toMatchObject({ name: '24h', step: 600 });
    expect(read('range=nonsense')).toMatchObject({ name: '1h' });
  });
  it('lies on the grid of its step', () => {
    const range = read('range=6h');
    expect(range.to % range.step).toBe(0);
    expect(range.to - range.from).toBe(6 * 3600);
  });
  it('is what was zoomed to', () => {
    expect(read('from=1000&to=1600')).toMatchObject({ name: null, from: 1000, to: 1600, step: 10 });
    expect(read('from=1600&to=1000')).toMatchObject({ name: '1h' });
  });
  it('asks for a bounded number of points whatever the span', () => {
    for (const span of [60, 900, 3600, 86_400, 40 * 86_400, 4000 * 86_400]) expect(span / stepFor(span)).toBeLessThanOrEqual(180);
  });
  it('takes a narrow drag for a click', () => {
    expect(zoomParameters(100, 105)).toBeNull();
    expect(zoomParameters(100.4, 160.2)).toEqual({ from: '100', to: '161' });
  });
  it('leaves the other parameters of the URL alone', () => {
    expect(hrefWith('/x', new URLSearchParams('agent=a%3Ab&range=6h'), { range: null, from: '1' })).toBe('/x?agent=a%3Ab&from=1');
  });
});

describe('signing in leads back', () => {
  it.each([
    [null, '/dashboard/operations'],
    ['/mobile?agent=x', '/mobile?agent=x'],
    ['//evil.example', '/dashboard/operations'],
    ['/\\evil.example', '/dashboard/operations'],
    ['https://evil.example', '/dashboard/operations'],
    ['/login?next=/login', '/dashboard/operations'],
  ])('%s', (wanted, path) => expect(pathWithin(wanted)).toBe(path));
});

describe('keys', () => {
  const make = () => {
    const keys = new Keys();
    const ran: string[] = [];
    keys.offer(['a', 'g o', '?'].map((one) => ({ keys: one, does: '', run: () => void ran.push(one) })));
    return { keys, ran };
  };
  it('runs single keys and sequences', () => {
    const { keys, ran } = make();
    keys.press('a', 0);
    keys.press('g', 10);
    keys.press('o', 500);
    expect(ran).toEqual(['a', 'g o']);
  });
  it('forgets a sequence that is not finished in time', () => {
    const { keys, ran } = make();
    keys.press('g', 0);
    keys.press('o', 3000);
    expect(ran).toEqual([]);
  });
  it('is silent when turned off', () => {
    const { keys, ran } = make();
    keys.turn(false);
    expect(keys.press('a', 0)).toBe(false);
    expect(ran).toEqual([]);
  });
  it('goes with the component that offered it', () => {
    const keys = new Keys();
    const stop = keys.offer([{ keys: 'x', does: '', run: () => undefined }]);
    stop();
    expect(keys.press('x', 0)).toBe(false);
  });
});

describe('notices', () => {
  it('say what happened, why and what to do', () => {
    const notices = new Notices(() => undefined);
    notices.failed('It was not acknowledged', new ApiError(403, 'Not allowed', 'role viewer', 'Ask an administrator.', 'c1'));
    expect(notices.list[0]).toMatchObject({
      title: 'It was not acknowledged',
      detail: 'Not allowed: role viewer.',
      advice: 'Ask an administrator. Reference: c1.',
    });
  });
  it('close themselves when all went well and stay when it did not', () => {
    const later: (() => void)[] = [];
    const notices = new Notices((_, work) => void later.push(work));
    notices.done('sent');
    notices.failed('not sent', new Error('x'));
    later.forEach((work) => work());
    expect(notices.list.map((one) => one.title)).toEqual(['not sent']);
  });
});

describe('chart data', () => {
  const range = { name: '1h' as const, label: '', from: 0, to: 60, step: 30 };
  it('puts answers on the axis and says when one failed', async () => {
    const data = new ChartData((query) =>
      query === 'bad' ? Promise.reject(new Error('no')) : Promise.resolve([{ metric: {}, values: [[0, '1'], [60, '3']] }]),
    );
    await data.load(new Map([['a', ['good']], ['b', ['bad']]]), range, new AbortController().signal);
    expect(data.charts.get('a')).toEqual({ status: 'ready', times: [0, 30, 60], columns: [[1, null, 3]] });
    expect(data.charts.get('b')?.status).toBe('failed');
  });
  it('an answer that comes too late changes nothing', async () => {
    const stop = new AbortController();
    const ask = vi.fn(() => {
      stop.abort();
      return Promise.resolve([]);
    });
    const data = new ChartData(ask);
    await data.load(new Map([['a', ['q']]]), range, stop.signal);
    expect(data.charts.size).toBe(0);
  });
});
