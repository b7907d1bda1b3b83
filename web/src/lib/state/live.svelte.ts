// The live stream: one connection, its health, and the picture that its events paint.

import type { Alert } from '../api/types';
import { EMPTY, reduce, type LiveEvent, type Picture } from './picture';

/** Two missed pings (one every 10 s would be 20 s) is too long to show old numbers as new; one and a half is not. */
export const STALE_AFTER_MS = 15_000;
const BACKOFF_MS = [1000, 2000, 4000, 8000, 15_000, 30_000];

/** What we use of the browser's `EventSource`. */
export interface Stream {
  readonly readyState: number;
  addEventListener(type: string, listener: (event: { data?: unknown }) => void): void;
  close(): void;
}

export interface LiveParts {
  open: () => Stream;
  now: () => number;
  /** Runs soon, at most once per frame: many events become one change of the page. */
  soon: (work: () => void) => void;
  after: (ms: number, work: () => void) => () => void;
  /** The stream was refused; asks whether we are still signed in. */
  checkSession: () => Promise<'signed-in' | 'signed-out' | 'unreachable'>;
  onSignedOut: () => void;
  onServerTime: (text: string) => void;
}

const EVENTS = ['snapshot', 'agent', 'agent_removed', 'source', 'alert', 'run', 'health', 'host', 'fleet'] as const;
const CLOSED = 2;

export class Live {
  picture = $state.raw<Picture>(EMPTY);
  status = $state<'connecting' | 'live' | 'stale'>('connecting');
  /** Milliseconds since the last event, as of the last tick. */
  age = $state(0);
  /** When the next attempt is due, while there is one to wait for. */
  retryAt = $state<number | null>(null);

  #parts: LiveParts;
  #stream: Stream | null = null;
  #lastEvent: number | null = null;
  #openedAt = 0;
  #queue: LiveEvent[] = [];
  #attempt = 0;
  #cancelRetry: (() => void) | null = null;
  #stopped = true;

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#stopped = false;
    this.#connect();
  }

  /** For signing out: nothing of the old session stays in memory. */
  stop(): void {
    this.#stopped = true;
    this.#cancelRetry?.();
    this.#stream?.close();
    this.#stream = null;
    this.#queue = [];
    this.#lastEvent = null;
    this.picture = EMPTY;
    this.status = 'connecting';
  }

  reconnectNow(): void {
    if (this.#stopped) return;
    this.#cancelRetry?.();
    this.#connect();
  }

  /** Once a second: measures the age and decides whether what is shown is still true. */
  tick(): void {
    if (this.#stopped) return;
    const now = this.#parts.now();
    const since = this.#lastEvent ?? this.#openedAt;
    this.age = now - since;
    if (this.age <= STALE_AFTER_MS) return;
    if (this.#lastEvent !== null) this.status = 'stale';
    // Silent although open: the connection is dead without the browser having noticed.
    const quiet = now - Math.max(since, this.#openedAt) > STALE_AFTER_MS;
    if (quiet && this.#cancelRetry === null) this.#retryLater();
  }

  /** A change made here before the server confirmed it. Returns how to take it back. */
  assume(alert: Alert): () => void {
    const before = this.picture.alerts.get(alert.id);
    this.#apply([{ type: 'alert', data: alert }]);
    return () => {
      // Only when nothing newer arrived meanwhile.
      if (before !== undefined && this.picture.alerts.get(alert.id) === alert) {
        this.#apply([{ type: 'alert', data: before }]);
      }
    };
  }

  #connect(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.retryAt = null;
    this.#stream?.close();
    this.#openedAt = this.#parts.now();
    const stream = this.#parts.open();
    this.#stream = stream;
    for (const type of EVENTS) {
      stream.addEventListener(type, (event) => this.#receive(stream, type, event.data));
    }
    stream.addEventListener('ping', (event) => this.#receive(stream, 'ping', event.data));
    stream.addEventListener('error', () => void this.#failed(stream));
  }

  #receive(stream: Stream, type: (typeof EVENTS)[number] | 'ping', text: unknown): void {
    if (stream !== this.#stream || typeof text !== 'string') return;
    const data = parse(text);
    if (data === undefined) return;
    this.#lastEvent = this.#parts.now();
    this.#attempt = 0;
    this.age = 0;
    this.status = 'live';
    if (type === 'ping' || type === 'snapshot') {
      const now = (data as { now?: unknown }).now;
      if (typeof now === 'string') this.#parts.onServerTime(now);
    }
    if (type === 'ping') return;
    this.#queue.push({ type, data } as LiveEvent);
    if (this.#queue.length === 1) this.#parts.soon(() => this.#drain());
  }

  #drain(): void {
    const events = this.#queue;
    this.#queue = [];
    if (!this.#stopped) this.#apply(events);
  }

  #apply(events: LiveEvent[]): void {
    this.picture = reduce(this.picture, events);
  }

  /** The browser reconnects by itself (and resumes by Last-Event-ID) unless the server refused. */
  async #failed(stream: Stream): Promise<void> {
    if (stream !== this.#stream || stream.readyState !== CLOSED) return;
    const session = await this.#parts.checkSession();
    if (stream !== this.#stream || this.#stopped) return;
    if (session === 'signed-out') this.#parts.onSignedOut();
    else this.#retryLater();
  }

  #retryLater(): void {
    this.#stream?.close();
    const wait = BACKOFF_MS[Math.min(this.#attempt, BACKOFF_MS.length - 1)] ?? 30_000;
    this.#attempt += 1;
    this.retryAt = this.#parts.now() + wait;
    this.#cancelRetry?.();
    this.#cancelRetry = this.#parts.after(wait, () => this.#connect());
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A line we cannot read says nothing about the world; the next snapshot puts it right.
    return undefined;
  }
}
