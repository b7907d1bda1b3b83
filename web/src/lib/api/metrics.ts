import { request } from './request';

/** One series of a range query: its labels and its points, the value as text as Prometheus sends it. */
export interface RangeSeries {
  metric: Record<string, string>;
  values: [number, string][];
}

interface Envelope {
  status: string;
  data: { resultType: string; result: RangeSeries[] };
}

export interface RangeQuery {
  query: string;
  /** Seconds since the epoch. */
  start: number;
  end: number;
  step: number;
}

export async function queryRange(range: RangeQuery, signal?: AbortSignal): Promise<RangeSeries[]> {
  const parameters = new URLSearchParams({
    query: range.query,
    start: String(range.start),
    end: String(range.end),
    step: String(range.step),
  });
  const answer = await request<Envelope>(`/api/v1/query_range?${parameters}`, signal ? { signal } : {});
  return answer.data.result;
}
