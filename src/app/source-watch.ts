// Looks whether the addresses that mail is sent from are on this host: before anything is granted, and from then on every
// few seconds, for an address may come late (a floating one, a slow network at boot) or go away. What is missing is told
// to the scheduler, which begins nothing with it; all else goes on.
import type { Clock, Timer } from '../base/clock.ts';
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import { type IsOwn, missingSources } from '../net/own-address.ts';

const LOOK_MS = 10_000;

export type SourcesOf = Pick<Config, 'sources' | 'pools'>;

/** Before a port is opened. Throws OperatorError (75) when no source could send: it may be there in a moment. */
export async function refuseWithoutSources(config: SourcesOf, isOwn?: IsOwn): Promise<void> {
  const missing = new Set(await missingSources(config.sources, isOwn));
  const pooled = new Set(Object.values(config.pools).flatMap(({ sources }) => sources.map(({ source }) => source)));
  const enabled = Object.values(config.sources).filter(({ name, enabled: isOn }) => isOn && pooled.has(name));
  if (missing.size === 0 || enabled.some(({ name }) => !missing.has(name))) return;
  const places = enabled.map(({ name, address }) => `${name} (${address})`).join(', ');
  throw new OperatorError(`none of the addresses that mail is sent from is on this host: ${places}`, EXIT.tryAgain);
}

export interface SourceWatchDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly onMissing: (names: readonly string[]) => void;
  readonly isOwn?: IsOwn;
}

export class SourceWatch {
  readonly #deps: SourceWatchDeps;
  #config: SourcesOf;
  #missing: readonly string[] = [];
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(config: SourcesOf, deps: SourceWatchDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  /** Resolves when all have been looked at once. */
  async start(): Promise<void> {
    await this.#look();
    this.#again();
  }

  reload(config: SourcesOf): void {
    this.#config = config;
    this.#timer?.cancel();
    void this.start();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #again(): void {
    this.#timer?.cancel();
    if (!this.#isStopped) this.#timer = this.#deps.clock.after(LOOK_MS, () => void this.start());
  }

  async #look(): Promise<void> {
    const { log, onMissing, isOwn } = this.#deps;
    const config = this.#config;
    const missing = await missingSources(config.sources, isOwn);
    // A reload came in between: it looks itself.
    if (this.#isStopped || config !== this.#config) return;
    for (const name of missing) {
      if (this.#missing.includes(name)) continue;
      log.warn({ source: name, address: config.sources[name]?.address }, 'the address of a source is not on this host');
    }
    const back = this.#missing.filter((name) => !missing.includes(name) && config.sources[name] !== undefined);
    for (const name of back) log.info({ source: name }, 'the address of a source is on this host again');
    const isSame = missing.join() === this.#missing.join();
    this.#missing = missing;
    if (!isSame) onMissing(missing);
  }
}
