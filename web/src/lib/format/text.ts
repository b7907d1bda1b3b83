// Text from outside (agents, tools, servers) is shown as it is, with what would deceive the eye made visible.

// Controls, soft hyphen, zero-width and bidirectional controls, line separators, byte order mark, tags.
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** One line: controls become pictures, direction overrides become their code points. */
export function visible(text: string): string {
  return text.replace(HIDDEN, mark);
}

/** Several lines: line feeds and tabs stay. */
export function visibleLines(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(HIDDEN, (c) => (c === '\n' || c === '\t' ? c : mark(c)));
}

function mark(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x0a) return '⏎';
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '␡';
  return `‹U+${code.toString(16).toUpperCase().padStart(4, '0')}›`;
}

const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'];

/** Small numbers as words, as a person would say them: `two`, `13`. */
export function spoken(count: number): string {
  return WORDS[count] ?? String(count);
}

export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `one agent needs`, `two agents need`: picks by number. */
export function plural(count: number, one: string, many: string): string {
  return count === 1 ? one : many;
}

/** The part of a model's name that tells it from its sisters: `anthropic/claude-sonnet-4-5-20250929` is `sonnet-4-5`. */
export function shortModel(model: string): string {
  const name = model.slice(model.lastIndexOf('/') + 1);
  return visible(name.replace(/^claude-/, '').replace(/-\d{8}$/, ''));
}
