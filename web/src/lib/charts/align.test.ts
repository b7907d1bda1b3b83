import { describe, expect, it } from 'vitest';
import { align, extremes, lonePoints, newest, sparkPath, times } from './align';

const axis = { start: 100, end: 160, step: 20 };

describe('points on an axis', () => {
  it('has a time for every step', () => expect(times(axis)).toEqual([100, 120, 140, 160]));
  it('leaves gaps, drops strangers and what is no number', () => {
    const series = { metric: {}, values: [[100, '1'], [140, '2.5'], [160, 'NaN'], [999, '7']] as [number, string][] };
    expect(align(series, axis)).toEqual([1, null, 2.5, null]);
  });
  it('is all gap without a series', () => expect(align(undefined, axis)).toEqual([null, null, null, null]));
});

describe('the value now', () => {
  it('is the last one, or the one before', () => expect([newest([1, 2]), newest([1, 2, null])]).toEqual([2, 2]));
  it('is not one from before a gap', () => expect([newest([9, null, null]), newest([])]).toEqual([null, null]));
});

describe('extremes', () => {
  it('skip gaps', () => expect(extremes([null, 1, 3, null])).toEqual({ min: 1, max: 3, mean: 2, last: 3 }));
  it('are unknown without a value', () => expect(extremes([null])).toBeNull());
});

describe('lone points', () => {
  it('are those between two gaps', () => expect(lonePoints([null, 1, null, 2, 3, null, 4])).toEqual([1, 6]));
  it('are found at the very ends', () => expect(lonePoints([0])).toEqual([0]));
});

describe('sparklines', () => {
  it('lift the pen at a gap', () => expect(sparkPath([0, 1, null, 1], 30, 10)).toBe('M0.0 10.0L10.0 0.0M30.0 0.0'));
  it('lie at the bottom when nothing happens', () => expect(sparkPath([0, 0], 10, 10)).toBe('M0.0 10.0L10.0 10.0'));
  it('are nothing without values', () => expect(sparkPath([null, null], 10, 10)).toBe(''));
});
