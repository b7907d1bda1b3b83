// Numbers with their unit. A thin set of rules: three significant digits, a space before the unit.

/** Between a number and its unit: no line may break there. */
const SPACE = '\u00a0';
/** Between groups of digits. */
const NARROW = '\u202f';

/** `412 k`, `1.92 M`, `87`. */
export function compact(value: number): string {
  return scaled(value, 1000, ['', 'k', 'M', 'G', 'T']);
}

/** `2.1 MB`, with factors of 1000 as disks and networks are sold. */
export function bytes(value: number): string {
  return scaled(value, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

export function bytesPerSecond(value: number): string {
  return `${bytes(value)}/s`;
}

/** `38 %`; below ten one digit after the point. */
export function percent(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return `${value !== 0 && Math.abs(value) < 9.95 ? trimmed(value, 1) : Math.round(value)}${SPACE}%`;
}

/** `1.92 $`; more digits for amounts below a cent. */
export function dollars(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size === 0 ? 0 : size < 0.01 ? 4 : size < 1000 ? 2 : 0;
  return `${value.toFixed(digits)}${SPACE}$`;
}

/** A plain count with grouping: `12 408`. */
export function count(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, NARROW) : '–';
}

/** At most `digits` after the point, no trailing zeros. */
export function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

function scaled(value: number, base: number, units: string[]): string {
  if (!Number.isFinite(value)) return '–';
  let rest = Math.abs(value);
  let step = 0;
  // 999.5 would round to 1000 of the smaller unit, so the next one is taken already.
  while (rest >= base - 0.5 && step < units.length - 1) {
    rest /= base;
    step += 1;
  }
  const digits = rest >= 100 || (step === 0 && Number.isInteger(rest)) ? 0 : rest >= 10 ? 1 : 2;
  const unit = units[step] ?? '';
  const number = `${value < 0 ? '-' : ''}${trimmed(rest, digits)}`;
  return unit === '' ? number : `${number}${SPACE}${unit}`;
}
