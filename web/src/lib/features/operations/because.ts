// Why something needs a person, in the words that the evidence gives.

import type { Run } from '$lib/api/types';
import { dollars } from '$lib/format/number';
import { why } from '$lib/format/agent';
import { visible } from '$lib/format/text';
import { clockTime, instant } from '$lib/format/time';
import type { Need } from './needs';

export function because(need: Need, runs: readonly Run[], now: number): string {
  if (need.kind === 'alert') return '';
  const sentences = [sentence(why(need.agent))];
  if (need.kind === 'stuck') {
    sentences.push(history(runs.filter((run) => run.agent === need.agent.id), now));
  } else if (need.agent.totals.cost_usd > 0) {
    sentences.push(`${dollars(need.agent.totals.cost_usd)} spent so far.`);
  }
  return sentences.filter((text) => text !== '').join(' ');
}

/** What the automation already tried. */
function history(runs: readonly Run[], now: number): string {
  const last = runs[0];
  if (last === undefined) return '';
  const at = clockTime(instant(last.timestamp), now);
  switch (last.outcome) {
    case 'running':
      return 'A restart is under way.';
    case 'verified':
      return `Freed at ${at}, stalled again.`;
    case 'ineffective':
      return `A restart at ${at} changed nothing.`;
    case 'failed':
      return `A restart at ${at} failed: ${sentence(visible(last.reason))}`;
    case 'skipped':
      return `Not restarted at ${at}: ${sentence(visible(last.reason))}`;
  }
}

/** Ends with a full stop. */
function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === '') return '';
  const first = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}
