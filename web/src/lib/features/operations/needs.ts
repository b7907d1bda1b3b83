// What a person should look at now: decided from the picture alone, oldest first.

import type { Agent, Alert, PendingRequest } from '$lib/api/types';
import { instant } from '$lib/format/time';

export type Need =
  | { kind: 'ask'; key: string; since: number; agent: Agent; request: PendingRequest | null; alerts: Alert[] }
  | { kind: 'stuck'; key: string; since: number; agent: Agent; alerts: Alert[] }
  | { kind: 'alert'; key: string; since: number; agent: Agent | null; alerts: [Alert] };

export function needs(agents: Iterable<Agent>, alerts: Iterable<Alert>): Need[] {
  const byAgent = new Map<string, Agent>();
  for (const agent of agents) byAgent.set(agent.id, agent);

  const open = new Map<string, Alert[]>();
  const silenced = new Set<string>();
  const alone: Need[] = [];
  for (const alert of alerts) {
    const id = agentOf(alert);
    const agent = id === null ? undefined : byAgent.get(id);
    const wants = agent !== undefined && (isStuck(agent) || agent.state === 'waiting_human');
    if (alert.status !== 'active') {
      if (wants) silenced.add(agent.id);
    } else if (wants) {
      open.set(agent.id, [...(open.get(agent.id) ?? []), alert]);
    } else {
      const since = instant(alert.timestamp);
      alone.push({ kind: 'alert', key: `alert ${alert.id}`, since, agent: agent ?? null, alerts: [alert] });
    }
  }

  const wanting: Need[] = [];
  for (const agent of byAgent.values()) {
    const mine = open.get(agent.id) ?? [];
    const since = instant(agent.since);
    if (agent.state === 'waiting_human') {
      // A question stays a need after its alert was acknowledged: nobody has answered it yet.
      const asked = agent.pending.length > 0 ? agent.pending : [null];
      asked.forEach((request, index) => {
        wanting.push({
          kind: 'ask',
          key: `ask ${agent.id} ${request?.id ?? ''}`,
          since: request === null ? since : instant(request.since),
          agent,
          request,
          alerts: index === 0 ? mine : [],
        });
      });
    } else if (isStuck(agent) && (mine.length > 0 || !silenced.has(agent.id))) {
      wanting.push({ kind: 'stuck', key: `stuck ${agent.id}`, since, agent, alerts: mine });
    }
  }
  return [...wanting, ...alone].sort((a, b) => a.since - b.since || a.key.localeCompare(b.key));
}

export function isStuck(agent: Agent): boolean {
  return agent.state === 'stalled' || agent.state === 'wedged';
}

/** The agent that an alert is about, when it is about one. */
export function agentOf(alert: Alert): string | null {
  return alert.metadata.agent ?? alert.metadata.labels?.['agent'] ?? null;
}
