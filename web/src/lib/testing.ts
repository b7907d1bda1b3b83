// Agents, alerts and runs for tests: everything ordinary unless the test says otherwise.

import type { Agent, Alert, Run, Snapshot, Source } from './api/types';

export const T0 = Date.parse('2026-11-22T09:40:00.000Z');
export const at = (secondsAgo: number) => new Date(T0 - secondsAgo * 1000).toISOString();

export function agent(name: string, change: Partial<Agent> = {}): Agent {
  return {
    id: `opencode:h:1:${name}`,
    kind: 'opencode',
    name,
    source: 'box',
    session: name,
    directory: '/w',
    project: null,
    parent: null,
    role: null,
    provider: null,
    model: null,
    version: null,
    task: null,
    state: 'working',
    phase: null,
    since: at(60),
    last_event: at(1),
    last_progress: at(1),
    confidence: 'observed',
    evidence: [],
    tool: null,
    retry: null,
    pending: [],
    todo: { done: 0, total: 0 },
    totals: {
      turns: 0,
      steps: 0,
      tool_calls: 0,
      tool_errors: 0,
      llm_errors: 0,
      tokens: { input: 0, output: 0, reasoning: 0, cache_read: 0, cache_write: 0, total: 0 },
      cost_usd: 0,
      seconds_in_state: {},
    },
    last_error: null,
    worker_status: 'working',
    created: at(600),
    ...change,
  };
}

export function alert(id: string, change: Partial<Alert> = {}): Alert {
  return {
    id,
    title: id,
    description: '',
    severity: 'high',
    status: 'active',
    source: 'monitoring_system',
    component: 'agents',
    timestamp: at(100),
    tags: [],
    metadata: { rule_id: id },
    escalation_level: 0,
    acknowledged_by: null,
    acknowledged_at: null,
    resolved_at: null,
    suppressed_until: null,
    ...change,
  };
}

export const alertAbout = (id: string, about: Agent, change: Partial<Alert> = {}) =>
  alert(id, { metadata: { rule_id: id, agent: about.id }, ...change });

export function run(id: string, change: Partial<Run> = {}): Run {
  return {
    id,
    timestamp: at(200),
    finished: at(180),
    component: 'agent_manager',
    action: 'restart_stuck_agents',
    agent: null,
    agent_name: null,
    trigger: 'auto_recovery',
    actor: null,
    outcome: 'verified',
    success: true,
    reason: '',
    before: [],
    after: [],
    steps: [],
    ...change,
  };
}

export function source(name: string, change: Partial<Source> = {}): Source {
  return {
    name,
    kind: 'opencode',
    url: 'http://h:1',
    state: 'live',
    reason: '',
    since: at(1000),
    last_seen: at(1),
    version: '1',
    ...change,
  };
}

export function snapshot(change: Partial<Snapshot> = {}): Snapshot {
  return { now: at(0), agents: [], sources: [], alerts: [], recovery: [], health: null, host: null, fleet: null, ...change };
}
