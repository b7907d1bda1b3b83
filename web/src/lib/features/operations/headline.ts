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

/** `Two alerts are open, one source is not live; 21 of 24 agents are well.` */
function state(picture: Picture, open: readonly Need[]): Part[] {
  const troubles: Part[] = [];
  // Alerts that the first sentence did not count already.
  const alerts = open.length > 0 && open.every((need) => need.kind === 'alert') ? 0 : picture.alerts.size;
  if (alerts > 0) {
    troubles.push({ text: `${spoken(alerts)} ${plural(alerts, 'alert is', 'alerts are')} open`, href: '#alerts' });
  }
  const down = [...picture.sources.values()].filter((source) => source.state !== 'live').length;
  if (down > 0) {
    troubles.push({ text: `${spoken(down)} ${plural(down, 'source is', 'sources are')} not live`, href: '#sources' });
  }
  const fleetPart = fleet(picture);
  if (troubles.length === 0) {
    const calm: Part = { ...fleetPart, text: capitalised(fleetPart.text) };
    const agents = [...picture.agents.values()];
    return open.length === 0 && agents.length > 0 && agents.every(isWell) ? [{ text: 'All is well. ', tone: 'ok' }, calm] : [calm];
  }
  return [...troubles.flatMap((part, i) => [{ text: i === 0 ? '' : ', ' }, i === 0 ? { ...part, text: capitalised(part.text) } : part]), { text: '; ' }, fleetPart];
}

/** `21 of 24 agents are well.` */
function fleet(picture: Picture): Part {
  const agents = [...picture.agents.values()];
  const all = agents.length;
  const say = (text: string): Part => ({ text, href: '#fleet' });
  if (all === 0) return say('no agent is known yet.');
  const well = agents.filter(isWell).length;
  if (well < all) return all === 1 ? say('the only agent is not well.') : say(`${well === 0 ? 'none' : well} of ${all} agents ${plural(well, 'is', 'are')} well.`);
  const working = agents.filter((agent) => agent.state === 'working').length;
  if (all === 1) return say(working === 1 ? 'one agent is working.' : 'one agent is at rest.');
  return say(`${working === 0 ? 'none' : working} of ${all} agents ${plural(working, 'is', 'are')} working.`);
}

/** Waiting for a provider heals by itself; silence, death and failure do not. */
function isWell(agent: Agent): boolean {
  return agent.state === 'working' || agent.state === 'idle' || agent.state === 'waiting_provider';
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
