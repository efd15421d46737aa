// Campaigns while they run: what was answered to each, and the breaker that holds one of which too much goes wrong, as if
// an operator had paused it. Figures are kept as state `campaign/TENANT/NAME`, so that a restart goes on counting.
import type { Clock } from '../base/clock.ts';
import { durationText } from '../base/duration.ts';
import type { OutcomeEvent } from '../flow/event.ts';
import type { Spool } from '../flow/spool.ts';
import { countsAs, type Figures, type Mishap, type Trip, tripOf, Window } from '../policy/campaign-breaker.ts';
import { type Marks, PAUSE } from './marks.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';

export interface CampaignsDeps {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly marks: Marks;
  readonly recorder: Recorder;
}

interface Counted {
  window: Window;
  /** ms since 1970: when its figures were last written. */
  savedAt: number;
}

export const CAMPAIGN = 'campaign/';
/** What a kill -9 may forget. */
const SAVE_MS = 60_000;
/** Campaigns counted at a time; of more, those that were written longest ago start anew. */
const CAMPAIGNS_MAX = 10_000;

/** Mark, and end of its state keys, of a campaign. */
export function campaignMark(tenant: string, campaign: string): string {
  return `campaign/${tenant}/${campaign}`;
}

export class Campaigns {
  readonly #deps: CampaignsDeps;
  /** By mark, in the order in which their figures were written. */
  readonly #counted = new Map<string, Counted>();

  constructor(deps: CampaignsDeps) {
    this.#deps = deps;
  }

  /** At a start. */
  load(spool: Spool): void {
    for (const { key, value } of spool.states(CAMPAIGN)) {
      const kept = value as { windowMs?: unknown; savedAt?: unknown } | undefined;
      if (typeof kept?.windowMs !== 'number' || typeof kept.savedAt !== 'number') continue;
      this.#counted.set(key, { window: new Window(kept.windowMs, kept), savedAt: kept.savedAt });
    }
  }

  /** Told each outcome once it is written. */
  follow(event: OutcomeEvent): void {
    const { campaign, tenant, stream, at } = event;
    if (campaign === undefined) return;
    const what = countsAs(event);
    if (what === undefined) return;
    const policy = this.#deps.settings.breaker(tenant, stream);
    if (!policy.isEnabled) return;
    const mark = campaignMark(tenant, campaign);
    const counted = this.#get(mark, policy.windowMs);
    counted.window.add(what, at);
    if (what !== 'neither' && !this.#deps.marks.isPaused(mark)) {
      const trip = tripOf(policy, counted.window.figures(at));
      if (trip !== undefined) this.#hold(mark, trip);
    }
    if (at - counted.savedAt >= SAVE_MS) this.#save(mark, counted, at);
  }

  /** undefined: nothing of it was answered lately. */
  figures(mark: string): (Figures & { readonly windowMs: number }) | undefined {
    const window = this.#counted.get(mark)?.window;
    if (window === undefined) return undefined;
    const figures = window.figures(this.#deps.clock.now());
    return figures.answered === 0 ? undefined : { ...figures, windowMs: window.windowMs };
  }

  /** Those that were answered lately. */
  get marks(): readonly string[] {
    return [...this.#counted.keys()].filter((mark) => this.figures(mark) !== undefined);
  }

  /** Its pause was ended: what was answered before no longer counts. */
  resumed(mark: string): void {
    if (this.#counted.delete(mark)) this.#write(mark);
  }

  #get(mark: string, windowMs: number): Counted {
    let counted = this.#counted.get(mark);
    if (counted === undefined) {
      counted = { window: new Window(windowMs), savedAt: this.#deps.clock.now() };
      this.#counted.set(mark, counted);
      if (this.#counted.size > CAMPAIGNS_MAX) this.#forget(this.#counted.keys().next().value as string);
    } else if (counted.window.windowMs !== windowMs) counted.window = new Window(windowMs);
    return counted;
  }

  #hold(mark: string, trip: Trip): void {
    const { marks, recorder, clock } = this.#deps;
    const why = tripText(trip);
    const at = clock.now();
    marks.pause(mark, why);
    recorder.add([{ type: 'state', at, key: `${PAUSE}${mark}`, value: { at, why, ...trip }, by: 'breaker' }]);
    const name = mark.slice(CAMPAIGN.length);
    const text = `campaign ${name} is paused: ${why}; postilion campaign resume ${name} ends it`;
    // It may be resumed and be held again on the same day.
    recorder.alarm('campaign-paused', text, `${mark} ${at}`);
  }

  #save(mark: string, counted: Counted, at: number): void {
    counted.savedAt = at;
    this.#counted.delete(mark);
    this.#counted.set(mark, counted);
    this.#write(mark, { ...counted.window.toJSON(), savedAt: at });
    // Those that ended: the oldest stand first.
    for (const [other, { window, savedAt }] of this.#counted) {
      if (savedAt + window.windowMs + SAVE_MS > at) break;
      this.#forget(other);
    }
  }

  #forget(mark: string): void {
    this.#counted.delete(mark);
    this.#write(mark);
  }

  #write(mark: string, value?: object): void {
    const event = { type: 'state', at: this.#deps.clock.now(), key: mark, by: 'breaker' } as const;
    this.#deps.recorder.add([value === undefined ? event : { ...event, value }]);
  }
}

const WORDS: Readonly<Record<Mishap, string>> = {
  bounces: 'say that the recipient is not there',
  spam: 'refuse the mail for what it says',
  blocks: 'block its source or its sender',
};

/** `62 of 512 answers within 1h say that the recipient is not there (12.1%, limit 10%)` */
export function tripText({ what, windowMs, share, answered, ...counts }: Trip): string {
  const percent = (of: number): string => `${Number((of * 100).toFixed(1))}%`;
  const found = counts[what];
  return `${found} of ${answered} answers within ${durationText(windowMs)} ${WORDS[what]} (${percent(found / answered)}, limit ${percent(share)})`;
}
