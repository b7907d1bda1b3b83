// One recovery run as a sentence, and its steps as lines.

import type { Run } from '../api/types';
import { visible } from './text';

export interface RunWords {
  verb: string;
  name: string;
  reason: string;
  /** Who or what started it. */
  by: string;
}

const VERBS: Record<Run['outcome'], string> = {
  running: 'Freeing',
  verified: 'Freed',
  ineffective: 'Tried to free',
  failed: 'Could not free',
  skipped: 'Left alone',
};

export function runWords(run: Run): RunWords {
  const isRestart = run.action === 'restart_stuck_agents';
  const last = run.steps.at(-1);
  const reason = run.reason !== '' ? run.reason : run.outcome === 'running' && last !== undefined ? last.what : '';
  return {
    verb: isRestart ? (VERBS[run.outcome] ?? 'Looked after') : 'Ran',
    name: isRestart ? visible(run.agent_name ?? run.agent ?? 'the fleet') : words(run.action),
    reason: visible(reason).replace(/\.$/, ''),
    by: run.trigger === 'manual' ? `by hand, ${visible(run.actor ?? 'unknown')}` : words(run.trigger),
  };
}

/** `verify_idle` → `verify idle`. */
export function words(name: string): string {
  return visible(name).replaceAll('_', ' ');
}
