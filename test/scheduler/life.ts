// One life of a scheduler that can be ended like a process by kill -9: from then on none of its timers, promises or
// turns run, and nothing it still holds reaches anybody.
import type { Clock } from '../../src/base/clock.ts';
import type { EgressCommands } from '../../src/flow/attempt.ts';
import type { Router } from '../../src/flow/route.ts';
import type { Spool } from '../../src/flow/spool.ts';

export class Life {
  #isOver = false;

  end(): void {
    this.#isOver = true;
  }

  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs, run) => clock.after(delayMs, () => this.#run(run)),
    };
  }

  readonly soon = (run: () => void): void => queueMicrotask(() => this.#run(run));

  router(router: Router): Router {
    return { resolve: (domain, via) => this.#promise(router.resolve(domain, via)) };
  }

  /** `syncMs`: how long a sync takes now. */
  spool(spool: Spool, clock: Clock, syncMs: () => number): Spool {
    const durable = (): Promise<void> => {
      const ms = syncMs();
      const synced = spool.durable.bind(spool);
      return this.#promise(
        ms === 0 ? synced() : new Promise((resolve) => clock.after(ms, () => void synced().then(resolve))),
      );
    };
    return new Proxy(spool, {
      get(target, key) {
        if (key === 'durable') return durable;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  commands(to: EgressCommands): EgressCommands {
    return {
      open: (grant) => this.#run(() => to.open(grant)),
      deliver: (session, attempt) => this.#run(() => to.deliver(session, attempt)),
      claimed: (claim, isGranted) => this.#run(() => to.claimed(claim, isGranted)),
      recall: (session) => this.#run(() => to.recall(session)),
      close: (session) => this.#run(() => to.close(session)),
      acknowledge: (attempts) => this.#run(() => to.acknowledge(attempts)),
    };
  }

  #run(run: () => void): void {
    if (!this.#isOver) run();
  }

  #promise<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then((value) => this.#run(() => resolve(value)), reject);
    });
  }
}
