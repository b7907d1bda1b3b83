// The charts of the operations view: which PromQL each asks, over which window, and how its numbers read.

import type { FleetSummary, Host } from '$lib/api/types';
import type { Tone } from '$lib/format/agent';
import { compact, dollars, percent } from '$lib/format/number';

export interface ChartKind {
  id: string;
  /** What it is about: charts of agents are left out while there never was one. */
  of: 'agents' | 'host';
  title: string;
  /** What exactly is counted, for the hover and for screen readers. */
  about: string;
  tone: Tone;
  /** The first is the line; a second one is drawn faintly behind it. */
  queries: (window: string, instance: string | null) => string[];
  format: (value: number) => string;
  /** A fixed top of the scale; `null` follows the data. */
  top: number | null;
  /** The value now, when the live stream knows it better than the last point. */
  live: (fleet: FleetSummary | null, host: Host | null) => string | null;
}

export const CHARTS: readonly ChartKind[] = [
  {
    id: 'working',
    of: 'agents',
    title: 'Agents working',
    about: 'agents in the state working; the faint line is all agents',
    tone: 'work',
    queries: () => ['sum(fleet_agents{state="working"})', 'sum(fleet_agents)'],
    format: (value) => String(Math.round(value * 10) / 10),
    top: null,
    live: (fleet) => (fleet === null ? null : `${fleet.by_state.working ?? 0} of ${fleet.total}`),
  },
  {
    id: 'errors',
    of: 'agents',
    title: 'Errors',
    about: 'failed tool calls and refused model requests, among tool calls, turns and refused requests; a gap where nothing was called',
    tone: 'stall',
    queries: (window) => [
      // One turn can be refused many times: the refusals count among the attempts too, so that
      // no share is above all. What rates guess between samples may differ a little.
      `100 * clamp_max((${sumOrZero('agent_tool_errors_total', window)} + ${sumOrZero('agent_llm_errors_total', window)})` +
        ` / ((${sumOrZero('agent_tool_calls_total', window)} + ${sumOrZero('agent_turns_total', window)}` +
        ` + ${sumOrZero('agent_llm_errors_total', window)}) > 0), 1)`,
    ],
    format: percent,
    top: null,
    live: () => null,
  },
  {
    id: 'tokens',
    of: 'agents',
    title: 'Tokens a minute',
    about: 'tokens of all kinds and all agents',
    tone: 'work',
    queries: (window) => [`60 * sum(rate(agent_tokens_total[${window}]))`],
    format: compact,
    top: null,
    live: (fleet) => (fleet?.tokens_per_minute == null ? null : compact(fleet.tokens_per_minute)),
  },
  {
    id: 'cost',
    of: 'agents',
    title: 'Cost an hour',
    about: 'what the sources report, in US dollars',
    tone: 'human',
    queries: (window) => [`3600 * sum(rate(agent_cost_usd_total[${window}]))`],
    format: dollars,
    top: null,
    live: (fleet) => (fleet?.cost_per_hour == null ? null : dollars(fleet.cost_per_hour)),
  },
  {
    id: 'cpu',
    of: 'host',
    title: 'CPU',
    about: 'this host, all cores, everything but idle',
    tone: 'work',
    queries: (window, instance) => [
      `100 * (1 - sum(rate(node_cpu_seconds_total${on(instance, 'mode="idle"')}[${window}]))` +
        ` / sum(rate(node_cpu_seconds_total${on(instance)}[${window}])))`,
    ],
    format: percent,
    top: 100,
    live: (_, host) => (host?.cpu_percent == null ? null : percent(host.cpu_percent)),
  },
  {
    id: 'memory',
    of: 'host',
    title: 'Memory',
    about: 'this host, what is not available to programs',
    tone: 'work',
    queries: (_, instance) => [
      `100 * (1 - sum(node_memory_MemAvailable_bytes${on(instance)}) / sum(node_memory_MemTotal_bytes${on(instance)}))`,
    ],
    format: percent,
    top: 100,
    live: (_, host) => (host?.memory == null ? null : percent(host.memory.used_percent)),
  },
];

/** The charts that have something to show: those of agents once there is, or was, an agent. */
export function shownCharts(fleet: FleetSummary | null, agents: readonly (number | null)[]): readonly ChartKind[] {
  const anyAgent = fleet === null || fleet.total > 0 || agents.some((count) => count !== null && count > 0);
  return anyAgent ? CHARTS : CHARTS.filter((kind) => kind.of === 'host');
}

/** A rate needs several samples in its window, and samples come every 30 s unless told otherwise. */
export function windowFor(step: number): string {
  return `${Math.max(step * 4, 120)}s`;
}

/** One series per agent for the small lines on the cards. */
export function activityQuery(step: number): string {
  return `sum by (agent) (rate(agent_tokens_total[${windowFor(step)}]))`;
}

function sumOrZero(metric: string, window: string): string {
  return `(sum(increase(${metric}[${window}])) or vector(0))`;
}

/** A selector's matchers, with the instance when it is known. */
export function on(instance: string | null, ...more: string[]): string {
  const matchers = instance === null ? more : [`instance=${quoted(instance)}`, ...more];
  return matchers.length === 0 ? '' : `{${matchers.join(',')}}`;
}

export function quoted(value: string): string {
  return `"${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;
}
