// How the states of an agent look and read: colour, shape and word always come together from here.

import type { Agent, AgentState } from '../api/types';
import { dollars } from './number';
import { shortModel, visible } from './text';
import { instant, shortAge } from './time';

export type Tone = 'ok' | 'work' | 'human' | 'prov' | 'stall' | 'dead' | 'idle';
export type Shape =
  | 'triangle'
  | 'diamond'
  | 'half'
  | 'disc'
  | 'ring'
  | 'check'
  | 'cross'
  | 'dotted'
  | 'dash'
  | 'square'
  | 'octagon';

export interface Look {
  tone: Tone;
  shape: Shape;
  word: string;
}

export const STATES: Record<AgentState, Look> = {
  working: { tone: 'work', shape: 'disc', word: 'working' },
  waiting_human: { tone: 'human', shape: 'diamond', word: 'waiting for a person' },
  waiting_provider: { tone: 'prov', shape: 'half', word: 'waiting for a provider' },
  stalled: { tone: 'stall', shape: 'triangle', word: 'stalled' },
  wedged: { tone: 'stall', shape: 'triangle', word: 'wedged' },
  dead: { tone: 'dead', shape: 'cross', word: 'dead' },
  idle: { tone: 'idle', shape: 'ring', word: 'idle' },
  failed: { tone: 'dead', shape: 'cross', word: 'failed' },
  unknown: { tone: 'idle', shape: 'dotted', word: 'unknown' },
};

/** A state this page has not heard of is shown as unknown, never dropped. */
export function look(state: AgentState): Look {
  return STATES[state] ?? STATES.unknown;
}

const PHASES: Record<string, string> = {
  waiting_model: 'waiting for the model',
  streaming: 'writing',
  tool: 'tool',
  waiting_child: 'waiting for a subagent',
};

/** What it is doing, in a few words: `bash: cargo test`, `writing`, `retry in 8 s`. */
export function activity(agent: Agent, now: number): string {
  const ask = agent.pending[0];
  // Who may not see the content of the work gets empty texts here and below.
  if (agent.state === 'waiting_human' && ask !== undefined && ask.what !== '') return visible(ask.what);
  if (agent.state === 'waiting_provider' && agent.retry !== null) {
    const left = instant(agent.retry.next) - now;
    const when = left > 0 ? `retry in ${shortAge(left)}` : 'trying again';
    return agent.retry.message === '' ? when : `${when} · ${visible(agent.retry.message)}`;
  }
  if (agent.tool !== null) {
    const title = agent.tool.title === '' ? agent.tool.name : `${agent.tool.name} ${agent.tool.title}`;
    return visible(title);
  }
  if ((agent.state === 'failed' || agent.state === 'dead') && agent.last_error !== null) {
    return visible(agent.last_error.message || agent.last_error.class);
  }
  if (agent.phase !== null) return PHASES[agent.phase] ?? visible(agent.phase);
  if (agent.state === 'idle' && agent.totals.turns > 0) {
    return `idle, ${agent.totals.turns} ${agent.totals.turns === 1 ? 'turn' : 'turns'}`;
  }
  const word = look(agent.state).word;
  return agent.state === 'idle' ? word : why(agent) || word;
}

/** The second line of a card: the model, and what it does with it. What holds it up matters more than the model. */
export function summaryLine(agent: Agent, now: number): string {
  const what = activity(agent, now);
  const isHeldUp = ['waiting_provider', 'wedged', 'dead', 'failed', 'unknown'].includes(agent.state);
  return agent.model === null || isHeldUp ? what : `${shortModel(agent.model)} · ${what}`;
}

export function costLine(agent: Agent): string {
  const { cost_usd, tokens } = agent.totals;
  return cost_usd > 0 || tokens.total === 0 ? dollars(cost_usd) : 'no price known';
}

/** The last piece of evidence, which is why the state is believed. */
export function why(agent: Agent): string {
  const last = agent.evidence.at(-1);
  return last === undefined ? '' : visible(last.what);
}
