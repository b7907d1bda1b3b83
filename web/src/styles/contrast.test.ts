import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');

function tokens(theme: string): Record<string, string> {
  const block = css.slice(css.indexOf(`[data-theme='${theme}']`)).split('}')[0] ?? '';
  return Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map((match) => [match[1] ?? '', match[2] ?? '']));
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => {
    const c = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

describe.each(['dark', 'light'])('%s', (theme) => {
  const token = tokens(theme);
  const grounds = ['bg', 'surface', 'raised'];
  const pairs = (names: string[]) => names.flatMap((name) => grounds.map((ground) => [name, ground] as const));

  it.each(pairs(['text', 'muted', 'faint', 'ok', 'work', 'human', 'prov', 'stall', 'dead', 'accent', 'idle']))('%s on %s can be read (4.5:1)', (name, ground) =>
    expect(contrast(token[name] ?? '', token[ground] ?? '')).toBeGreaterThanOrEqual(4.5),
  );
  it.each(pairs(['edge']))('%s on %s can be seen (3:1)', (name, ground) =>
    expect(contrast(token[name] ?? '', token[ground] ?? '')).toBeGreaterThanOrEqual(3),
  );
  it('words on the accent can be read', () => expect(contrast(token['on-accent'] ?? '', token['accent'] ?? '')).toBeGreaterThanOrEqual(4.5));
});
