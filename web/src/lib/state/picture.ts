// What the page knows of the world, and how each event of the live stream changes it. Pure: no browser, no clock.

import type { Agent, Alert, FleetSummary, Health, Host, Run, Snapshot, Source } from '../api/types';

export interface Picture {
  /** False until the first snapshot: an empty fleet and an unknown one must not look the same. */
  known: boolean;
  agents: ReadonlyMap<string, Agent>;
  sources: ReadonlyMap<string, Source>;
  /** Open alerts only: active, acknowledged or suppressed. */
  alerts: ReadonlyMap<string, Alert>;
  /** Newest first. */
  runs: readonly Run[];
  health: Health | null;
  host: Host | null;
  fleet: FleetSummary | null;
}

export type LiveEvent =
  | { type: 'snapshot'; data: Snapshot }
  | { type: 'agent'; data: Agent }
  | { type: 'agent_removed'; data: { id: string } }
  | { type: 'source'; data: Source }
  | { type: 'alert'; data: Alert }
  | { type: 'run'; data: Run }
  | { type: 'health'; data: Health }
  | { type: 'host'; data: Host }
  | { type: 'fleet'; data: FleetSummary };

/** As many runs as a snapshot brings; the rest is history. */
const RUNS_MAX = 50;

export const EMPTY: Picture = {
  known: false,
  agents: new Map(),
  sources: new Map(),
  alerts: new Map(),
  runs: [],
  health: null,
  host: null,
  fleet: null,
};

/**
 * Applies events in order. Each map is copied at most once a batch, so that a fleet of a thousand with hundreds of
 * changes a second costs one copy a frame and not one a change.
 */
export function reduce(picture: Picture, events: readonly LiveEvent[]): Picture {
  let next = { ...picture };
  const fresh = new Set<keyof Picture>();
  const own = <K extends 'agents' | 'sources' | 'alerts'>(key: K): Map<string, Item<K>> => {
    if (!fresh.has(key)) {
      next = { ...next, [key]: new Map(next[key] as ReadonlyMap<string, Item<K>>) };
      fresh.add(key);
    }
    return next[key] as unknown as Map<string, Item<K>>;
  };
  for (const event of events) {
    switch (event.type) {
      case 'snapshot':
        next = fromSnapshot(event.data);
        fresh.clear();
        break;
      case 'agent':
        own('agents').set(event.data.id, event.data);
        break;
      case 'agent_removed':
        own('agents').delete(event.data.id);
        break;
      case 'source':
        own('sources').set(event.data.name, event.data);
        break;
      case 'alert':
        if (isOpen(event.data)) own('alerts').set(event.data.id, event.data);
        else own('alerts').delete(event.data.id);
        break;
      case 'run':
        next.runs = withRun(next.runs, event.data);
        break;
      case 'health':
        next.health = event.data;
        break;
      case 'host':
        next.host = event.data;
        break;
      case 'fleet':
        next.fleet = event.data;
        break;
    }
  }
  return next;
}

type Item<K> = K extends 'agents' ? Agent : K extends 'sources' ? Source : Alert;

function fromSnapshot(snapshot: Snapshot): Picture {
  return {
    known: true,
    agents: new Map(snapshot.agents.map((agent) => [agent.id, agent])),
    sources: new Map(snapshot.sources.map((source) => [source.name, source])),
    alerts: new Map(snapshot.alerts.filter(isOpen).map((alert) => [alert.id, alert])),
    runs: [...snapshot.recovery].sort(newestFirst).slice(0, RUNS_MAX),
    health: snapshot.health,
    host: snapshot.host,
    fleet: snapshot.fleet,
  };
}

function isOpen(alert: Alert): boolean {
  return alert.status === 'active' || alert.status === 'acknowledged' || alert.status === 'suppressed';
}

/** A run is sent again at each of its steps: the newest version replaces the older one. */
function withRun(runs: readonly Run[], run: Run): Run[] {
  return [run, ...runs.filter((other) => other.id !== run.id)].sort(newestFirst).slice(0, RUNS_MAX);
}

function newestFirst(a: Run, b: Run): number {
  return Date.parse(b.timestamp) - Date.parse(a.timestamp);
}
