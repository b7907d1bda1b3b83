import { describe, expect, it } from 'vitest';
import { agent, at, run, T0 } from '../testing';
import { activity, costLine, look, summaryLine } from './agent';
import { bytes, compact, count, dollars, percent } from './number';
import { runWords } from './run';
import { plural, shortModel, spoken, visible, visibleLines } from './text';
import { clockTime, exactTime, freshness, shortAge, spokenDuration } from './time';

/** Our spaces do not break; the expectation is easier to read with ordinary ones. */
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ');

describe('what an agent cost', () => {
  const spent = (total: number, cost_usd: number) => {
    const { totals } = agent('a');
    return plain(costLine(agent('a', { totals: { ...totals, cost_usd, tokens: { ...totals.tokens, total } } })));
  };
  it('is nothing while nothing was spent, and unknown only when tokens have no price', () => {
    expect([spent(0, 0), spent(900, 0), spent(900, 0.25)]).toEqual(['0 $', 'no price known', '0.25 $']);
  });
});

describe('numbers carry their unit', () => {
  it.each([
    [0, '0'],
    [87, '87'],
    [999, '999'],
    [999.6, '1 k'],
    [1000, '1 k'],
    [1920, '1.92 k'],
    [41_200, '41.2 k'],
    [412_000, '412 k'],
    [999_600, '1 M'],
    [1_500_000, '1.5 M'],
    [-2500, '-2.5 k'],
    [Number.NaN, '–'],
  ])('compact %s', (value, text) => expect(plain(compact(value))).toBe(text));

  it.each([
    [0, '0 %'],
    [1.23, '1.2 %'],
    [9.96, '10 %'],
    [38.4, '38 %'],
    [100, '100 %'],
    [Number.NaN, '–'],
  ])('percent %s', (value, text) => expect(plain(percent(value))).toBe(text));

  it.each([
    [0, '0 $'],
    [0.0042, '0.0042 $'],
    [1.916, '1.92 $'],
    [1234.5, '1235 $'],
  ])('dollars %s', (value, text) => expect(plain(dollars(value))).toBe(text));

  it('bytes and counts', () => {
    expect(plain(bytes(2_100_000))).toBe('2.1 MB');
    expect(plain(bytes(512))).toBe('512 B');
    expect(plain(count(1_234_567))).toBe('1 234 567');
  });
});

describe('times as people say them', () => {
  it.each([
    [14_000, '14 s'],
    [11 * 60_000 + 20_000, '11 m'],
    [3 * 3_600_000, '3 h'],
    [50 * 3_600_000, '2 d'],
    [-5000, '0 s'],
    [Number.NaN, '–'],
  ])('a card says %s', (ms, text) => expect(plain(shortAge(ms))).toBe(text));

  it.each([
    [680_000, '11 min 20 s'],
    [182_000, '3 min 02 s'],
    [3_900_000, '1 h 05 min'],
    [100_000_000, '1 d 3 h'],
  ])('a sentence says %s', (ms, text) => expect(spokenDuration(ms)).toBe(text));

  it('freshness is fine below ten seconds and coarse above', () => {
    expect(freshness(400)).toBe('0.4 s');
    expect(freshness(-20)).toBe('0.0 s');
    expect(freshness(31_000)).toBe('31 s');
  });

  it('another day is named', () => {
    const noon = new Date(2026, 10, 22, 12, 0, 5).getTime();
    expect(clockTime(noon, noon)).toBe('12:00:05');
    expect(clockTime(noon - 86_400_000, noon)).toBe('11-21 12:00:05');
    expect(exactTime(noon)).toMatch(/^2026-11-22 12:00:05\.000 UTC[+-]\d\d:\d\d$/);
    expect(clockTime(Number.NaN, noon)).toBe('–');
  });
});

describe('text from outside cannot deceive', () => {
  it.each([
    ['pay\u202etxt.exe', 'pay‹U+202E›txt.exe'],
    ['a\u200bb', 'a‹U+200B›b'],
    ['bell\u0007', 'bell␇'],
    ['two\nlines', 'two⏎lines'],
    ['\u001b[31mred', '␛[31mred'],
    ['tag\u{e0041}', 'tag‹U+E0041›'],
    ['<b>stays text</b>', '<b>stays text</b>'],
    ['ümläut 漢字 עברית', 'ümläut 漢字 עברית'],
  ])('%j', (raw, shown) => expect(visible(raw)).toBe(shown));

  it('several lines keep their breaks', () => expect(visibleLines('a\r\nb\tc\u0000')).toBe('a\nb\tc␀'));

  it('numbers as words', () => {
    expect([spoken(0), spoken(2), spoken(13)]).toEqual(['no', 'two', '13']);
    expect(plural(1, 'is', 'are')).toBe('is');
  });

  it('a model by the part that tells it apart', () => {
    expect(shortModel('anthropic/claude-sonnet-4-5-20250929')).toBe('sonnet-4-5');
    expect(shortModel('gpt-5')).toBe('gpt-5');
  });
});

describe('what an agent does, in a few words', () => {
  it.each([
    ['a tool', agent('a', { model: 'x/gpt-5', tool: { name: 'bash', title: 'cargo test', started: at(1) } }), 'gpt-5 · bash cargo test'],
    ['writing', agent('a', { phase: 'streaming' }), 'writing'],
    ['a question', agent('a', { state: 'waiting_human', pending: [{ id: '1', kind: 'permission', what: 'bash: git push', since: at(1) }] }), 'bash: git push'],
    ['a provider', agent('a', { state: 'waiting_provider', model: 'm', retry: { attempt: 2, next: at(-8), message: '429' } }), 'retry in 8 s · 429'],
    ['a provider, due', agent('a', { state: 'waiting_provider', retry: { attempt: 2, next: at(1), message: '429' } }), 'trying again · 429'],
    ['a failure', agent('a', { state: 'failed', last_error: { class: 'E', message: 'bad key', status: 401, retryable: false, at: at(1) } }), 'bad key'],
    ['rest', agent('a', { state: 'idle', totals: { ...agent('a').totals, turns: 38 } }), 'idle, 38 turns'],
    ['nothing known', agent('a', { state: 'unknown', evidence: [{ at: at(1), what: 'its source is gone' }] }), 'its source is gone'],
  ])('%s', (_, subject, text) => expect(plain(summaryLine(subject, T0))).toBe(text));

  it('a state of a newer server is unknown, not a crash', () => {
    const odd = agent('a', { state: 'dreaming' as never });
    expect(look(odd.state).word).toBe('unknown');
    expect(activity(odd, T0)).toBe('unknown');
  });
});

describe('what the automation did, as a sentence', () => {
  it('names the agent and the proof', () => {
    const words = runWords(run('r', { agent_name: 'api-tests', reason: 'progress after 4 s.' }));
    expect([words.verb, words.name, words.reason, words.by]).toEqual(['Freed', 'api-tests', 'progress after 4 s', 'auto recovery']);
  });
  it('says who asked, and shows the last step while it runs', () => {
    const words = runWords(run('r', { outcome: 'running', trigger: 'manual', actor: 'maria', steps: [{ at: at(1), name: 'abort', ok: true, what: 'accepted' }] }));
    expect([words.verb, words.reason, words.by]).toEqual(['Freeing', 'accepted', 'by hand, maria']);
  });
});
