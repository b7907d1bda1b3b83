// The time range of the charts, as the URL holds it: `?range=6h`, or `?from=…&to=…` after a zoom.

export const RANGES = {
  '15m': { minutes: 15, label: 'Last 15 minutes' },
  '1h': { minutes: 60, label: 'Last hour' },
  '6h': { minutes: 360, label: 'Last 6 hours' },
  '24h': { minutes: 1440, label: 'Last 24 hours' },
} as const;

export type RangeName = keyof typeof RANGES;

export interface TimeRange {
  /** `null` while zoomed. */
  name: RangeName | null;
  label: string;
  /** Seconds since the epoch. */
  from: number;
  to: number;
  /** Seconds between two points. */
  step: number;
}

/** Enough points for the width of a chart, few enough for a phone and the server. */
const POINTS = 180;
/** Below this the samples themselves are the limit. */
const STEP_MIN = 10;
const NICE_STEPS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

export function readRange(parameters: URLSearchParams, now: number): TimeRange {
  const from = Number(parameters.get('from'));
  const to = Number(parameters.get('to'));
  if (Number.isFinite(from) && Number.isFinite(to) && from > 0 && to > from) {
    return { name: null, label: 'Zoomed', from, to, step: stepFor(to - from) };
  }
  const asked = parameters.get('range');
  const name: RangeName = asked !== null && asked in RANGES ? (asked as RangeName) : '1h';
  const span = RANGES[name].minutes * 60;
  const step = stepFor(span);
  // On the grid of the step, so that a point does not wander between two refreshes.
  const end = Math.floor(now / 1000 / step) * step;
  return { name, label: RANGES[name].label, from: end - span, to: end, step };
}

export function stepFor(span: number): number {
  const wanted = span / POINTS;
  return NICE_STEPS.find((step) => step >= wanted) ?? Math.max(STEP_MIN, Math.ceil(wanted / 3600) * 3600);
}

/** A zoom as parameters of the URL, over the range to which a reset returns; too narrow a drag was a click. */
export function zoomParameters(from: number, to: number): Record<string, string> | null {
  if (!(to - from >= STEP_MIN * 2)) return null;
  return { from: String(Math.floor(from)), to: String(Math.ceil(to)) };
}
