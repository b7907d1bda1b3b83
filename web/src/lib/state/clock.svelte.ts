// The one clock of the page. It ticks once a second and shows the server's time, whatever the reader's clock says.

export class Clock {
  /** The server's time now, in milliseconds; changes once a second. */
  now = $state(Date.now());
  /** The reader's own clock at the same tick, for waits that began on it. */
  local = $state(Date.now());
  #skew = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** The server said what time it is. */
  learn(serverNow: number, localNow = Date.now()): void {
    if (!Number.isFinite(serverNow)) return;
    this.#skew = serverNow - localNow;
    this.tick(localNow);
  }

  /** The server's time at this very moment, finer than the tick. */
  exact(localNow = Date.now()): number {
    return localNow + this.#skew;
  }

  tick(localNow = Date.now()): void {
    this.local = localNow;
    this.now = this.exact(localNow);
  }

  start(onTick: () => void): () => void {
    this.#timer = setInterval(() => {
      this.tick();
      onTick();
    }, 1000);
    return () => clearInterval(this.#timer);
  }
}

export const clock = new Clock();
