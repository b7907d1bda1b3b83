// From the points of a range query to columns on one time axis. A missing point is a gap, never a guess.

import type { RangeSeries } from '../api/metrics';

export interface Axis {
  start: number;
  end: number;
  step: number;
}

/** The times of an axis, in seconds. */
export function times(axis: Axis): number[] {
  const n = Math.floor((axis.end - axis.start) / axis.step + 1e-6) + 1;
  return Array.from({ length: n }, (_, i) => axis.start + i * axis.step);
}

export function align(series: RangeSeries | undefined, axis: Axis): (number | null)[] {
  const n = Math.floor((axis.end - axis.start) / axis.step + 1e-6) + 1;
  const column = new Array<number | null>(n).fill(null);
  for (const [at, text] of series?.values ?? []) {
    const index = Math.round((at - axis.start) / axis.step);
    const value = Number(text);
    if (index >= 0 && index < n && Number.isFinite(value)) column[index] = value;
  }
  return column;
}

export interface Extremes {
  min: number;
  max: number;
  mean: number;
  last: number;
}

export function extremes(column: readonly (number | null)[]): Extremes | null {
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let n = 0;
  let last = Number.NaN;
  for (const value of column) {
    if (value === null) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    n += 1;
    last = value;
  }
  return n === 0 ? null : { min, max, mean: sum / n, last };
}

/** The value at the end of a column; the very last point may not be measured yet. An older one is not now. */
export function newest(column: readonly (number | null)[]): number | null {
  return column.at(-1) ?? column.at(-2) ?? null;
}

/** Points between two gaps, which no line shows: the first value of a young installation is one. */
export function lonePoints(column: readonly (number | null | undefined)[]): number[] {
  const isKnown = (i: number) => column[i] !== null && column[i] !== undefined;
  return [...column.keys()].filter((i) => isKnown(i) && !isKnown(i - 1) && !isKnown(i + 1));
}

/** The path of a sparkline in a box; gaps stay gaps. A flat line lies at the bottom. */
export function sparkPath(column: readonly (number | null)[], width: number, height: number): string {
  const known = extremes(column);
  if (known === null || column.length < 2) return '';
  const floor = Math.min(0, known.min);
  const span = known.max - floor || 1;
  let path = '';
  let pen = false;
  column.forEach((value, i) => {
    if (value === null) {
      pen = false;
      return;
    }
    const x = (i * width) / (column.length - 1);
    const y = height - ((value - floor) / span) * height;
    path += `${pen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = true;
  });
  return path;
}
