import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Receipt } from '$lib/api/types';
import { checkName, checkPassword } from './account/rules';
import { timeInStates } from './agent/time-in-states';
import { newestFirst, receiptLook, receiptWords } from './settings/receipts';

const root = dirname(fileURLToPath(import.meta.url));
const files = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });

describe('the rooms of the page', () => {
  it('features do not import each other', () => {
    const wrong = files(root).flatMap((path) => {
      const area = relative(root, path).split('/')[0];
      return [...readFileSync(path, 'utf8').matchAll(/from '\$lib\/features\/(\w+)/g)].filter((match) => match[1] !== area).map(() => path);
    });
    expect(wrong).toEqual([]);
  });
  it('the kit knows nothing of agents, alerts and requests', () => {
    const kit = files(join(root, '../ui')).filter((path) => /from '.*\/(api|state|features)\//.test(readFileSync(path, 'utf8')));
    expect(kit).toEqual([]);
  });
  it('no outside text becomes markup, and no style or script is inline', () => {
    const source = files(join(root, '../..')).filter((path) => path.endsWith('.svelte'));
    const wrong = source.filter((path) => /\{@html|\sstyle="/.test(readFileSync(path, 'utf8')));
    expect(wrong).toEqual([]);
    const page = readFileSync(join(root, '../../../index.html'), 'utf8');
    expect(page).not.toMatch(/<style|style=|<script(?![^>]*src=)/);
  });
});

describe('time in states', () => {
  it('adds the present stay, longest first', () => {
    expect(timeInStates({ working: 30, idle: 60, dead: 0.2 }, 'working', 60)).toMatchObject([
      { state: 'working', seconds: 90 },
      { state: 'idle', seconds: 60 },
    ]);
    expect(timeInStates({}, 'idle', 0)).toEqual([]);
  });
});

describe('receipts', () => {
  const receipt = (change: Partial<Receipt> = {}): Receipt => ({
    receiver: 'slack',
    alert_id: 'x_1',
    transition: 'firing',
    attempt: 1,
    at: '2026-01-01T00:00:00Z',
    outcome: 'accepted',
    status: 200,
    reply: 'ok',
    ...change,
  });

  it('say what was sent and what came back', () => {
    expect(receiptWords(receipt())).toBe('firing x_1 accepted: 200 ok');
    expect(receiptWords(receipt({ outcome: 'retry', attempt: 3, status: null, reply: 'timed out' }))).toBe(
      'firing x_1 not accepted, will be tried again (attempt 3): timed out',
    );
    expect(receiptWords(receipt({ transition: 'test', status: null, reply: '' }))).toBe('a test accepted');
    expect(receiptLook(receipt({ outcome: 'lost' as never })).word).toBe('lost');
  });
  it('newest first', () => {
    const list = newestFirst([receipt({ at: '2026-01-01T00:00:00Z' }), receipt({ receiver: 'b', at: '2026-01-02T00:00:00Z' })]);
    expect(list.map((one) => one.receiver)).toEqual(['b', 'slack']);
  });
});

describe('the first administrator', () => {
  it('needs a name and a password of some length', () => {
    expect(checkName('  ')).not.toBe('');
    expect(checkName('maria')).toBe('');
    expect(checkName(' maria@example.com ')).toBe('');
    expect(checkName('maría lópez')).not.toBe('');
    expect(checkPassword('short', 'maria')).toBe('12 characters are needed; this has 5.');
    expect(checkPassword('maria-maria-maria', 'Maria-maria-maria')).not.toBe('');
    expect(checkPassword('correct horse battery', 'maria')).toBe('');
  });
});
