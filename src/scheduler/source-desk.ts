// What an operator can ask of the sources and tell them: a drained source begins nothing more until it is enabled again,
// restarts included. Nothing that waits is touched: it belongs to pools.
import type { Clock } from '../base/clock.ts';
import type { SourceReport } from '../flow/operations.ts';
import type { Egresses } from './egresses.ts';
import { DRAIN, type Marks } from './marks.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';
import type { Sources } from './sources.ts';

export interface SourceDeskDeps {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly marks: Marks;
  readonly egresses: Egresses;
  readonly sources: Sources;
  readonly recorder: Recorder;
  /** Which sources may send has changed: lanes are looked at anew. */
  readonly onSources: () => void;
}

export class SourceDesk {
  readonly #deps: SourceDeskDeps;

  constructor(deps: SourceDeskDeps) {
    this.#deps = deps;
  }

  list(): readonly SourceReport[] {
    const { settings, marks } = this.#deps;
    const known = settings.sources.map(({ name }) => name);
    return [...known, ...marks.drained.filter((name) => !known.includes(name))].map((name) => this.#report(name));
  }

  drain(name: string, by: string): SourceReport | undefined {
    const { settings, marks, clock } = this.#deps;
    if (settings.source(name) === undefined) return undefined;
    if (marks.drain(name)) this.#changed(name, { value: clock.now() }, by);
    return this.#report(name);
  }

  enable(name: string, by: string): SourceReport | undefined {
    const { settings, marks } = this.#deps;
    if (marks.enable(name)) this.#changed(name, {}, by);
    else if (settings.source(name) === undefined) return undefined;
    return this.#report(name);
  }

  #changed(name: string, mark: { readonly value?: number }, by: string): void {
    const { recorder, clock, sources, onSources } = this.#deps;
    recorder.write([{ type: 'state', at: clock.now(), key: `${DRAIN}${name}`, ...mark, by }]);
    sources.refresh();
    onSources();
    recorder.request();
  }

  #report(name: string): SourceReport {
    const { settings, marks, egresses, sources } = this.#deps;
    const source = settings.source(name);
    let sessions = 0;
    let inFlight = 0;
    for (const session of egresses.all) {
      if (session.lane.source.name !== name) continue;
      sessions++;
      for (const attempt of session.outstanding) inFlight += attempt.indexes.length;
    }
    const state = (): SourceReport['state'] => {
      if (source === undefined) return 'unknown';
      if (settings.isDisabled(name)) return 'disabled';
      if (!marks.isDrained(name)) return sources.isMissing(name) ? 'missing' : 'enabled';
      return sessions > 0 ? 'draining' : 'drained';
    };
    return {
      name,
      ...(source?.address === undefined ? {} : { address: source.address }),
      ehlo: source?.ehlo ?? '',
      state: state(),
      pools: settings.poolNames.filter((pool) => settings.pool(pool).some((each) => each.source.name === name)),
      sessions,
      inFlight,
    };
  }
}
