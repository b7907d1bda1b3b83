// The fleet board: which agent stands in which column, in which order, under which parent.

import type { Agent, AgentState } from '$lib/api/types';
import type { Shape, Tone } from '$lib/format/agent';
import { instant } from '$lib/format/time';

export interface ColumnKind {
  id: string;
  title: string;
  tone: Tone;
  shape: Shape;
  states: readonly AgentState[];
  /** Cards shown before "+ n more". Trouble is shown at length, rest briefly. */
  shown: number;
  order: 'oldest' | 'newest';
}

export const COLUMNS: readonly ColumnKind[] = [
  {
    id: 'stuck',
    title: 'Stalled, failed, dead',
    tone: 'stall',
    shape: 'triangle',
    states: ['stalled', 'wedged', 'failed', 'dead'],
    shown: 5,
    order: 'oldest',
  },
  {
    id: 'human',
    title: 'Waiting for a person',
    tone: 'human',
    shape: 'diamond',
    states: ['waiting_human'],
    shown: 5,
    order: 'oldest',
  },
  {
    id: 'provider',
    title: 'Waiting for a provider',
    tone: 'prov',
    shape: 'half',
    states: ['waiting_provider'],
    shown: 4,
    order: 'oldest',
  },
  {
    id: 'working',
    title: 'Working',
    tone: 'work',
    shape: 'disc',
    states: ['working'],
    shown: 4,
    order: 'oldest',
  },
  {
    id: 'idle',
    title: 'Idle, unknown',
    tone: 'idle',
    shape: 'ring',
    states: ['idle', 'unknown'],
    shown: 3,
    order: 'newest',
  },
];

export interface Placed {
  agent: Agent;
  /** 0, or 1 below its parent in the same column. */
  depth: 0 | 1;
  /** The parent's name when the parent stands elsewhere. */
  of: string | null;
}

export interface Column {
  kind: ColumnKind;
  cards: Placed[];
}

export function board(agents: ReadonlyMap<string, Agent>): Column[] {
  const buckets = new Map<string, Agent[]>(COLUMNS.map((kind) => [kind.id, []]));
  for (const agent of agents.values()) buckets.get(columnOf(agent).id)?.push(agent);
  return COLUMNS.map((kind) => ({ kind, cards: place(kind, buckets.get(kind.id) ?? [], agents) }));
}

/** A state that this page does not know yet stands with the unknown ones. */
export function columnOf(agent: Agent): ColumnKind {
  const last = COLUMNS[COLUMNS.length - 1] as ColumnKind;
  return COLUMNS.find((kind) => kind.states.includes(agent.state)) ?? last;
}

function place(kind: ColumnKind, agents: Agent[], all: ReadonlyMap<string, Agent>): Placed[] {
  const sign = kind.order === 'oldest' ? 1 : -1;
  // The keys are computed once an agent and not once a comparison: a fleet of a thousand is sorted ten times a second.
  const sorted = agents
    .map((agent) => ({ agent, rank: rank(agent), since: sign * instant(agent.since) }))
    .sort((a, b) => a.rank - b.rank || a.since - b.since || compareText(a.agent.name, b.agent.name))
    .map(({ agent }) => agent);
  const here = new Set(sorted.map((agent) => agent.id));
  const children = new Map<string, Agent[]>();
  const roots: Agent[] = [];
  for (const agent of sorted) {
    if (agent.parent !== null && agent.parent !== agent.id && here.has(agent.parent)) {
      children.set(agent.parent, [...(children.get(agent.parent) ?? []), agent]);
    } else {
      roots.push(agent);
    }
  }
  const placed: Placed[] = [];
  const seen = new Set<string>();
  const put = (agent: Agent, depth: 0 | 1) => {
    if (seen.has(agent.id)) return;
    seen.add(agent.id);
    const parent = agent.parent === null || depth === 1 ? null : (all.get(agent.parent)?.name ?? null);
    placed.push({ agent, depth, of: parent });
    for (const child of children.get(agent.id) ?? []) put(child, 1);
  };
  for (const agent of roots) put(agent, 0);
  // Agents that name each other as parents have no root; they are shown all the same.
  for (const agent of sorted) put(agent, 0);
  return placed;
}

/** Not by language: only the order must be the same each time. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What can be freed comes before what is over; unknown comes after idle. */
function rank(agent: Agent): number {
  switch (agent.state) {
    case 'failed':
    case 'unknown':
      return 1;
    case 'dead':
      return 2;
    default:
      return 0;
  }
}
