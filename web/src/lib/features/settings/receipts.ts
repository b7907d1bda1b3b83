// A receipt in words.

import type { Receipt } from '$lib/api/types';
import type { Look } from '$lib/format/agent';
import { visible } from '$lib/format/text';
import { instant } from '$lib/format/time';

const OUTCOMES: Record<Receipt['outcome'], Look> = {
  accepted: { tone: 'ok', shape: 'check', word: 'accepted' },
  retry: { tone: 'human', shape: 'diamond', word: 'not accepted, will be tried again' },
  gave_up: { tone: 'dead', shape: 'cross', word: 'given up' },
  cancelled: { tone: 'idle', shape: 'dash', word: 'cancelled' },
};

export const receiptLook = (receipt: Receipt): Look =>
  OUTCOMES[receipt.outcome] ?? { tone: 'idle', shape: 'dotted', word: receipt.outcome };

/** `firing agent_stuck_17 accepted: 200 ok`. */
export function receiptWords(receipt: Receipt): string {
  const about = receipt.transition === 'test' ? 'a test' : `${receipt.transition} ${receipt.alert_id}`;
  const attempt = receipt.attempt > 1 ? ` (attempt ${receipt.attempt})` : '';
  return visible(`${about} ${receiptLook(receipt).word}${attempt}${answer(receipt)}`);
}

/** `: 200 ok`, or nothing when nothing was said. */
function answer(receipt: Receipt): string {
  const status = receipt.status === null || receipt.reply.startsWith(String(receipt.status)) ? '' : String(receipt.status);
  const said = [status, receipt.reply].filter((part) => part !== '').join(' ');
  return said === '' ? '' : `: ${said}`;
}

export function newestFirst(receipts: readonly Receipt[]): Receipt[] {
  return [...receipts].sort((a, b) => (instant(b.at) || 0) - (instant(a.at) || 0));
}
