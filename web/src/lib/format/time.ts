// Times as people say them. Every function takes the instants it needs: none looks at a clock.

/** Between a number and its unit: no line may break there. */
const SPACE = '\u00a0';

/** Milliseconds since the epoch; NaN when the text is no time. */
export function instant(text: string | null | undefined): number {
  return text == null ? Number.NaN : Date.parse(text);
}

/** For a card: the largest unit only. `14 s`, `11 m`, `3 h`, `2 d`. */
export function shortAge(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s}${SPACE}s`;
  if (s < 3600) return `${Math.floor(s / 60)}${SPACE}m`;
  if (s < 86_400 * 2) return `${Math.floor(s / 3600)}${SPACE}h`;
  return `${Math.floor(s / 86_400)}${SPACE}d`;
}

/** In a sentence: two units. `11 min 20 s`, `3 h 05 min`, `2 d 4 h`. */
export function spokenDuration(ms: number): string {
  if (!Number.isFinite(ms)) return 'an unknown time';
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** For the freshness of the page: `0.4 s`, `12 s`, `3 min 10 s`. */
export function freshness(ms: number): string {
  const age = Math.max(0, ms);
  return age < 9950 ? `${(age / 1000).toFixed(1)} s` : spokenDuration(age);
}

/** `09:41:12`, on the reader's clock; the day is added when it is not today. */
export function clockTime(at: number, now: number): string {
  if (!Number.isFinite(at)) return '–';
  const date = new Date(at);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return sameDay(at, now) ? time : `${day(date)} ${time}`;
}

/** `09:41` within a day, `11-22 09:41` across days. For axes. */
export function axisTime(at: number, spanMs: number): string {
  const date = new Date(at);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (spanMs > 36 * 3_600_000) return `${day(date)} ${time}`;
  return spanMs < 10 * 60_000 ? `${time}:${two(date.getSeconds())}` : time;
}

/** Everything, for the hover: `2026-11-22 09:41:12.400 UTC+01:00`. */
export function exactTime(at: number): string {
  if (!Number.isFinite(at)) return 'unknown';
  const date = new Date(at);
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${date.getFullYear()}-${day(date)} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms} UTC${zone}`;
}

function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

function day(date: Date): string {
  return `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
