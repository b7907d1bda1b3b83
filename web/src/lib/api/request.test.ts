import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError, refusal, request } from './request';

afterEach(() => vi.unstubAllGlobals());

const answer = (status: number, body: string) => {
  const fetch = vi.fn((_path: string, _init?: RequestInit) => Promise.resolve(new Response(status === 204 ? null : body, { status })));
  vi.stubGlobal('fetch', fetch);
  return fetch;
};
const caught = (promise: Promise<unknown>) => promise.then(() => null, (error: unknown) => error);

describe('one request function', () => {
  it('marks requests that change something, and only those', async () => {
    const fetch = answer(200, '{}');
    await request('/x');
    await request('/x', { method: 'POST', body: { a: 1 } });
    const headers = fetch.mock.calls.map(([, init]) => init?.headers as Record<string, string>);
    expect(headers.map((one) => one['X-Watchkeeper'])).toEqual([undefined, '1']);
    expect(fetch.mock.calls[1]?.[1]).toMatchObject({ body: '{"a":1}', credentials: 'same-origin' });
  });
  it('an empty answer is an answer', async () => {
    answer(204, '');
    expect(await request('/logout', { method: 'POST' })).toBeUndefined();
  });
  it('a web page instead of JSON is an error, not a crash', async () => {
    answer(200, '<!doctype html>');
    expect(await caught(request('/x'))).toBeInstanceOf(ApiError);
  });
  it('no connection says so', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')));
    expect(await caught(request('/x'))).toMatchObject({ status: 0, title: 'Watchkeeper cannot be reached' });
  });
  it('a connection that breaks in the middle of the answer says so', async () => {
    const body = new ReadableStream({ start: (stream) => stream.error(new TypeError('network error')) });
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(body)));
    expect(await caught(request('/x'))).toMatchObject({ status: 0, title: 'Watchkeeper cannot be reached' });
  });
  it('a cancelled request is not an error of the server', async () => {
    const stop = new AbortController();
    stop.abort();
    vi.stubGlobal('fetch', () => Promise.reject(new DOMException('aborted', 'AbortError')));
    expect(await caught(request('/x', { signal: stop.signal }))).not.toBeInstanceOf(ApiError);
  });
});

describe('what an error says', () => {
  it('takes title, reason and reference from a problem document', () => {
    const error = refusal(409, '{"title":"Held back","detail":"cooldown","correlation_id":"c1"}');
    expect([error.title, error.why, error.correlationId]).toEqual(['Held back', 'cooldown', 'c1']);
    expect(error.advice).not.toBe('');
  });
  it('names the parts that are wrong', () => {
    const body = '{"title":"Bad request","detail":"The body is not valid.","errors":[{"pointer":"/password","detail":"Too short."}]}';
    expect(refusal(400, body).why).toBe('The body is not valid. Too short.');
  });
  it('does not say the same twice', () => {
    const body = '{"detail":"/text: must be shorter","errors":[{"pointer":"/text","detail":"must be shorter"}]}';
    expect(refusal(400, body).why).toBe('/text: must be shorter');
  });
  it('speaks to a person where the server gives only the phrase of the status', () => {
    expect(refusal(409, '{"title":"Conflict","detail":"cooldown"}').title).toBe('Not now');
  });
  it('understands the Prometheus shape', () => expect(refusal(400, '{"status":"error","error":"bad query"}').why).toBe('bad query'));
  it('has words of its own for a body that says nothing', () => expect(refusal(403, '<html>').title).toBe('Not allowed'));
  it.each([400, 401, 403, 404, 429, 500, 501, 503])('%s has advice', (status) => expect(refusal(status, '').advice).not.toBe(''));
});
