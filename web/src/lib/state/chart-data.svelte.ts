// The columns of a set of charts: asked together, refreshed while the range follows the clock.

import { align, times } from '../charts/align';
import { queryRange, type RangeSeries } from '../api/metrics';
import type { TimeRange } from './time-range';

export interface Columns {
  status: 'loading' | 'ready' | 'failed';
  times: number[];
  columns: (number | null)[][];
}

type Ask = (query: string, range: TimeRange, signal: AbortSignal) => Promise<RangeSeries[]>;

const ask: Ask = (query, range, signal) =>
  queryRange({ query, start: range.from, end: range.to, step: range.step }, signal);

export class ChartData {
  charts = $state.raw<ReadonlyMap<string, Columns>>(new Map());
  #ask: Ask;

  constructor(how: Ask = ask) {
    this.#ask = how;
  }

  /** Reads every chart; what was drawn stays until its successor is here. */
  async load(wanted: ReadonlyMap<string, string[]>, range: TimeRange, signal: AbortSignal): Promise<void> {
    await Promise.all([...wanted].map(([id, queries]) => this.#one(id, queries, range, signal)));
  }

  async #one(id: string, queries: string[], range: TimeRange, signal: AbortSignal): Promise<void> {
    const axis = { start: range.from, end: range.to, step: range.step };
    try {
      const answers = await Promise.all(queries.map((query) => this.#ask(query, range, signal)));
      if (signal.aborted) return;
      const columns = answers.map((series) => align(series[0], axis));
      this.#set(id, { status: 'ready', times: times(axis), columns });
    } catch {
      // The chart says that it could not be read; the numbers of another moment stay away.
      if (!signal.aborted) this.#set(id, { status: 'failed', times: [], columns: [] });
    }
  }

  #set(id: string, columns: Columns): void {
    this.charts = new Map(this.charts).set(id, columns);
  }
}

/** Small lines by agent: one query for the whole fleet. */
export class Sparklines {
  lines = $state.raw<ReadonlyMap<string, (number | null)[]>>(new Map());
  #ask: Ask;

  constructor(how: Ask = ask) {
    this.#ask = how;
  }

  async load(query: string, range: TimeRange, signal: AbortSignal): Promise<void> {
    const axis = { start: range.from, end: range.to, step: range.step };
    try {
      const answer = await this.#ask(query, range, signal);
      if (!signal.aborted) {
        this.lines = new Map(answer.map((series) => [series.metric['agent'] ?? '', align(series, axis)]));
      }
    } catch {
      // Decoration: without it the cards still say everything.
      if (!signal.aborted) this.lines = new Map();
    }
  }
}
