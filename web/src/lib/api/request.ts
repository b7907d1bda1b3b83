// The one function that talks to the server. It understands problem documents, cancelling and the CSRF header.

/** Why a request did not do what was asked, in words for a person. */
export class ApiError extends Error {
  constructor(
    /** The HTTP status; 0 when no answer came. */
    readonly status: number,
    /** What happened. */
    readonly title: string,
    /** Why, when the server said so. */
    readonly why: string,
    /** What the person can do about it. */
    readonly advice: string,
    readonly correlationId: string | null = null,
  ) {
    super(why === '' ? title : `${title}: ${why}`);
    this.name = 'ApiError';
  }
}

interface Problem {
  title?: unknown;
  detail?: unknown;
  /** Which parts of the request are wrong. */
  errors?: unknown;
  correlation_id?: unknown;
  /** The Prometheus-compatible paths answer in their own shape. */
  error?: unknown;
}

export interface Ask {
  method?: 'GET' | 'POST' | 'DELETE';
  body?: unknown;
  signal?: AbortSignal;
  /** Milliseconds. A recovery answers only after it has seen its effect, so it may take long. */
  timeout?: number;
}

const TIMEOUT_MS = 15_000;

export async function request<T>(path: string, ask: Ask = {}): Promise<T> {
  const method = ask.method ?? 'GET';
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (method !== 'GET') headers['X-Watchkeeper'] = '1';
  if (ask.body !== undefined) headers['Content-Type'] = 'application/json';
  const deadline = AbortSignal.timeout(ask.timeout ?? TIMEOUT_MS);
  const init: RequestInit = {
    method,
    headers,
    credentials: 'same-origin',
    cache: 'no-store',
    signal: ask.signal === undefined ? deadline : AbortSignal.any([ask.signal, deadline]),
  };
  if (ask.body !== undefined) init.body = JSON.stringify(ask.body);

  let response: Response;
  let text: string;
  try {
    response = await fetch(path, init);
    // The connection can also break in the middle of the answer.
    text = await response.text();
  } catch (error) {
    if (ask.signal?.aborted === true) throw error;
    throw unreachable(deadline.aborted);
  }
  if (!response.ok) throw refusal(response.status, text);
  if (text === '') return undefined as T;
  const parsed = parse(text);
  if (parsed === undefined) {
    throw new ApiError(response.status, 'The answer could not be read', 'it is not JSON', advise(500));
  }
  return parsed as T;
}

/** The error that a status and a body stand for. */
export function refusal(status: number, body: string): ApiError {
  const parsed = parse(body);
  const problem: Problem = typeof parsed === 'object' && parsed !== null ? parsed : {};
  const title = ownTitle(status, text(problem.title)) ?? `The server answered ${status}`;
  const detail = text(problem.detail) ?? text(problem.error) ?? '';
  // A single wrong part is often what the detail already says.
  const parts = fieldErrors(problem.errors).filter((part) => !detail.includes(part));
  const why = [detail, ...parts].filter((part) => part !== '').join(' ');
  return new ApiError(status, title, why, advise(status), text(problem.correlation_id));
}

function unreachable(timedOut: boolean): ApiError {
  return timedOut
    ? new ApiError(0, 'No answer in time', 'the server did not answer', 'Look whether it happened, then try again.')
    : new ApiError(0, 'Watchkeeper cannot be reached', 'the connection failed', 'Check that it runs, then try again.');
}

/** What HTTP calls a status, and what a person would say. */
const TITLES: Record<number, [phrase: string, words: string]> = {
  400: ['Bad Request', 'Not accepted'],
  401: ['Unauthorized', 'You are signed out'],
  403: ['Forbidden', 'Not allowed'],
  404: ['Not Found', 'Not found'],
  409: ['Conflict', 'Not now'],
  429: ['Too Many Requests', 'Too many attempts'],
  500: ['Internal Server Error', 'A fault in Watchkeeper'],
  501: ['Not Implemented', 'Not available yet'],
  502: ['Bad Gateway', 'The source did not do it'],
  503: ['Service Unavailable', 'Not ready'],
  504: ['Gateway Timeout', 'No answer in time'],
};

/** The server's title, unless it is only the phrase of the status. */
function ownTitle(status: number, title: string | null): string | null {
  const [phrase, words] = TITLES[status] ?? [null, null];
  return title === null || title === phrase ? (words ?? title) : title;
}

function advise(status: number): string {
  switch (status) {
    case 401:
      return 'Sign in again.';
    case 403:
      return 'Ask an administrator for the role that may do this.';
    case 404:
      return 'This page shows what is there now.';
    case 409:
      return 'Look at what is there now, and try again later if it still fits.';
    case 429:
      return 'Wait a moment, then try again.';
    case 501:
      return 'A later version will have it.';
    default:
      return status >= 500 ? 'Try again; if it stays, look at the log of Watchkeeper.' : 'Correct it and try again.';
  }
}

/** `The password needs at least 12 characters`, for each part that is wrong. */
function fieldErrors(errors: unknown): string[] {
  if (!Array.isArray(errors)) return [];
  return errors.map((error: unknown) => text((error as { detail?: unknown } | null)?.detail) ?? '');
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
