// Time as an argument. The only file that reads the system's clocks or sets timers.

/** A set timer. `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

/** Instants that are stored come from `now`, durations from `monotonic`. */
export interface Clock {
  /** Wall clock, ms since 1970. May step; only for headers, expiry, warm-up days and stored instants. */
  now(): number;
  /** Monotonic clock, ms, may be fractional. Never steps. For every interval and back-off. */
  monotonic(): number;
  /** Calls `run` once after `delayMs` of monotonic time (capped at 2^31-1 ms). Does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
}

const TIMER_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const handle = setTimeout(run, Math.min(Math.max(delayMs, 0), TIMER_MS_MAX));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** The host's monotonic clock in µs, as other programs of this host read it. */
export function hostMonotonicMicros(): bigint {
  return process.hrtime.bigint() / 1000n;
}
