// The one sentence that answers "is it OK?". Computed, with links to what it names; a screen reader hears it first.

import type { Agent } from '$lib/api/types';
import type { Tone } from '$lib/format/agent';
import { capitalised, plural, spoken } from '$lib/format/text';
import type { Picture } from '$lib/state/picture';
import { agentOf, type Need } from './needs';

export interface Part {
  text: string;
  tone?: Tone;
  href?: string;
}

export function headline(picture: Picture, open: readonly Need[]): Part[] {
  if (!picture.known) return [{ text: 'Looking at the fleet.' }];
  const first = callForHelp(open);
  const rest = state(picture, open);
  return first === null ? rest : [first, { text: ' ' }, ...rest];
}

export function plain(parts: readonly Part[]): string {
  return parts.map((part) => part.text).join('');
}

/** `Two agents need you.` */
function callForHelp(open: readonly Need[]): Part | null {
  const agents = new Set(open.flatMap((need) => (need.kind === 'alert' ? [] : [need.agent.id]))).size;
  if (agents > 0) {
    const tone = open.some((need) => need.kind === 'ask') ? 'human' : 'stall';
    return { text: `${capitalised(spoken(agents))} ${plural(agents, 'agent needs', 'agents need')} you.`, tone, href: '#needs' };
  }
  const alerts = open.length;
  if (alerts === 0) return null;
  return { text: `${capitalised(spoken(alerts))} ${plural(alerts, 'alert waits', 'alerts wait')} for you.`, tone: 'stall', href: '#needs' };
}

function state(picture: Picture, open: readonly Need[]): Part[] {
  const parts: Part[] = [];
  const others = [...picture.alerts.values()].filter((alert) => !isNamed(alert.id, open));
  if (others.length > 0) {
    const known = `${spoken(others.length)} known ${plural(others.length, 'alert is', 'alerts are')} open`;
    parts.push({ text: capitalised(known), href: '#alerts' }, { text: '; ' });
  }
  parts.push(...fleet(picture, parts.length === 0));
  const down = [...picture.sources.values()].filter((source) => source.state !== 'live');
  if (down.length > 0 && picture.sources.size > 0) {
    parts.push({ text: ' ' }, { text: sourcesWords(down.length, picture.sources.size), href: '#sources' });
  }
  if (open.length === 0 && picture.alerts.size === 0 && down.length === 0 && allWell([...picture.agents.values()])) {
    return [{ text: 'All is well. ', tone: 'ok' }, ...parts];
  }
  return parts;
}

function isNamed(alert: string, open: readonly Need[]): boolean {
  return open.some((need) => need.alerts.some((other) => other.id === alert));
}

/** `21 of 24 agents are well.` */
function fleet(picture: Picture, begins: boolean): Part[] {
  const agents = [...picture.agents.values()];
  const say = (text: string): Part => ({ text: begins ? capitalised(text) : text, href: '#fleet' });
  if (agents.length === 0) return [say('no agent is known yet.')];
  const well = agents.filter(isWell).length;
  if (well === agents.length) {
    const working = agents.filter((agent) => agent.state === 'working').length;
    if (agents.length === 1) return [say(`one agent, ${working === 1 ? 'working' : 'at rest'}.`)];
    return [say(`${working === 0 ? 'none' : working} of ${agents.length} agents ${plural(working, 'is', 'are')} working.`)];
  }
  return [say(`${well === 0 ? 'none' : well} of ${agents.length} ${plural(agents.length, 'agent', 'agents')} ${plural(well, 'is', 'are')} well.`)];
}

function sourcesWords(down: number, all: number): string {
  if (down === all) return all === 1 ? 'Its source is not live.' : 'No source is live.';
  return `${capitalised(spoken(down))} of ${all} sources ${plural(down, 'is', 'are')} not live.`;
}

/** Waiting for a provider heals by itself; silence, death and failure do not. */
function isWell(agent: Agent): boolean {
  return agent.state === 'working' || agent.state === 'idle' || agent.state === 'waiting_provider';
}

function allWell(agents: Agent[]): boolean {
  return agents.every(isWell);
}

/** Newly fired critical alerts, for the one region that may interrupt a screen reader. */
export function criticalWords(picture: Picture): string {
  return [...picture.alerts.values()]
    .filter((alert) => alert.severity === 'critical' && alert.status === 'active')
    .map((alert) => {
      const agent = picture.agents.get(agentOf(alert) ?? '');
      return `Critical: ${alert.title}${agent === undefined ? '' : `, ${agent.name}`}.`;
    })
    .join(' ');
}
