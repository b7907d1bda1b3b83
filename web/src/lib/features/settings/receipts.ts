// A receipt in words. The outcomes are those of the outbox: delivered, retrying, gave up.

import type { Receipt } from '$lib/api/types';
import type { Look } from '$lib/format/agent';
import { visible } from '$lib/format/text';
import { instant } from '$lib/format/time';

export function receiptLook(receipt: Receipt): Look {
  switch (receipt.outcome) {
    case 'delivered':
      return { tone: 'ok', shape: 'check', word: 'delivered' };
    case 'gave_up':
    case 'failed':
      return { tone: 'dead', shape: 'cross', word: 'not delivered' };
    case 'retrying':
      return { tone: 'human', shape: 'diamond', word: 'trying again' };
    case 'queued':
      return { tone: 'work', shape: 'half', word: 'waiting' };
    default:
      return { tone: 'idle', shape: 'dotted', word: receipt.outcome ?? 'unknown' };
  }
}

export function receiptWords(receipt: Receipt): string {
  const about = receipt.transition === 'test' ? 'a test' : [receipt.transition, receipt.alert_id].filter(Boolean).join(' ');
  const answer = receipt.error ?? receipt.reply ?? '';
  const attempt = receipt.attempt != null && receipt.attempt > 1 ? `, attempt ${receipt.attempt}` : '';
  const head = [about, receiptLook(receipt).word].filter((part) => part !== '').join(' ');
  return visible(`${head}${attempt}${answer === '' ? '' : `: ${answer}`}`);
}

export function newestFirst(receipts: readonly Receipt[]): Receipt[] {
  return [...receipts].sort((a, b) => (instant(b.at) || 0) - (instant(a.at) || 0));
}
