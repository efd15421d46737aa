// What an operator can ask of warm-up and tell it. Every change is a state of the journal with who made it, and holds over
// restarts; what was handed over today stays counted, whatever is changed.
import type { Clock } from '../base/clock.ts';
import type { Operations } from '../flow/operations.ts';
import { IN_ALL, type WarmupAnswer, type WarmupChange, type WarmupReport } from '../flow/warmup.ts';
import { held, leftToday, nextVolume, placed, type WarmupState } from '../policy/warmup.ts';
import { prospect } from '../policy/warmup-forecast.ts';
import { stageOf } from '../policy/warmup-plan.ts';
import type { Budgets } from './budgets.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';
import type { Warming } from './warming.ts';

export interface WarmupDeskDeps {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly budgets: Budgets;
  readonly recorder: Recorder;
  /** Whether a name is a provider's, or `other`. */
  readonly isProvider: (name: string) => boolean;
}

/** Days of which the volume is the mean. */
const FORECAST_DAYS = 7;

export class WarmupDesk {
  readonly #deps: WarmupDeskDeps;

  constructor(deps: WarmupDeskDeps) {
    this.#deps = deps;
  }

  /** In the order of the configuration; of each source `*` first. */
  readonly warmup: Operations['warmup'] = async (source) => {
    const no = source === undefined ? undefined : this.#no(source);
    return no === undefined ? { budgets: this.#reports(source) } : { no };
  };

  readonly warmupDays: Operations['warmupDays'] = async (source, provider) => {
    const no = this.#no(source, provider);
    return no === undefined ? { days: this.#deps.budgets.days({ source, provider }) } : { no };
  };

  /** `provider` absent: everywhere, also where it has sent nothing yet. */
  readonly changeWarmup: Operations['changeWarmup'] = async (source, provider, change, by) => {
    const answer = this.#changeAll(source, provider, change, by);
    await new Promise<void>((resolve) => this.#deps.recorder.afterSync(resolve));
    return answer;
  };

  #changeAll(source: string, provider: string | undefined, change: WarmupChange, by: string): WarmupAnswer {
    const { budgets } = this.#deps;
    const no = this.#no(source, provider);
    if (no !== undefined) return { no };
    if (provider === undefined) {
      this.#begin(source, change, by);
      for (const warming of budgets.all(source)) {
        // The budget of all together keeps stages of its own.
        if (warming.provider !== IN_ALL || change.do !== 'set') this.#change(warming, change, by);
      }
    } else {
      const warming = budgets.find(source, provider);
      if (warming !== undefined) this.#change(warming, change, by);
    }
    return { budgets: this.#reports(source).filter((each) => provider === undefined || each.provider === provider) };
  }

  /** Why there is no such budget. */
  #no(source: string, provider?: string): string | undefined {
    const { settings, budgets, isProvider } = this.#deps;
    if (settings.source(source) === undefined) return `there is no source '${source}'`;
    const plan = settings.planOf(source);
    if (plan === undefined) return `source ${source} has no warm-up plan: it is warm`;
    if (provider === IN_ALL) return plan.total === undefined ? `the plan of ${source} has no total` : undefined;
    const isKnown =
      provider === undefined || isProvider(provider) || budgets.all(source).some((each) => each.provider === provider);
    return isKnown ? undefined : `there is no provider '${provider}'`;
  }

  #reports(source: string | undefined): readonly WarmupReport[] {
    const { settings, budgets } = this.#deps;
    const order = new Map(settings.sources.map(({ name }, at) => [name, at]));
    const rank = ({ source: name }: Warming): number => order.get(name) ?? order.size;
    return budgets
      .all(source)
      .toSorted((a, b) => rank(a) - rank(b) || (a.provider < b.provider ? -1 : 1))
      .map((warming) => this.#report(warming));
  }

  #begin(source: string, change: WarmupChange, by: string): void {
    const { budgets } = this.#deps;
    const { volume, isHeld } = budgets.beginning(source);
    const kept = { ...(volume !== undefined && { volume }), ...(isHeld && { isHeld }) };
    if (change.do === 'set') budgets.changeBeginning(source, { ...kept, volume: change.volume }, by);
    else if (change.do === 'hold') budgets.changeBeginning(source, { ...kept, isHeld: true }, by);
    else if (change.do === 'resume') budgets.changeBeginning(source, volume === undefined ? {} : { volume }, by);
    else if (change.do === 'reset') budgets.changeBeginning(source, {}, by);
  }

  #change(warming: Warming, change: WarmupChange, by: string): void {
    const { budgets } = this.#deps;
    budgets.change(warming, this.#changed(warming, change), by);
  }

  #changed({ source, state, ladder }: Warming, change: WarmupChange): WarmupState {
    const { budgets } = this.#deps;
    const now = Math.floor(budgets.dayOf(source)?.now() ?? state.day.from);
    switch (change.do) {
      case 'set':
        return placed(ladder, state, change.volume, now);
      case 'advance':
        return state.at === 'warm'
          ? state
          : placed(ladder, state, nextVolume(ladder, state.day.budget ?? state.volume), now);
      case 'hold':
        return held(state, true);
      case 'resume':
        return held(state, false);
      case 'reset':
        return held(placed(ladder, state, ladder.stages[0] as number, now), false);
    }
  }

  #report(warming: Warming): WarmupReport {
    const { settings, budgets } = this.#deps;
    const { source, provider, state, ladder } = warming;
    const { day, decision } = state;
    const left = leftToday(ladder, state);
    const offered = this.#offered(warming);
    const { used, delivered, sample } = ladder.gates;
    const calendar = budgets.dayOf(source)?.calendar;
    return {
      source,
      plan: settings.planNameOf(source) ?? '',
      provider,
      state: state.at,
      isHeld: state.isHeld === true,
      ...(day.budget !== undefined && { stage: stageOf(ladder, day.budget) + 1 }),
      stages: ladder.stages.length,
      volume: Math.round(state.volume),
      today: { ...day, ...(left !== Infinity && { left }) },
      gates: { used, delivered, sample },
      ...(decision !== undefined && { decision }),
      ...(offered !== undefined && { offered }),
      prospect: calendar === undefined ? { is: 'unknown' } : prospect(ladder, calendar, state, offered),
    };
  }

  /** Recipients a day that there were in the last days; undefined: it has none behind it. */
  #offered(warming: Warming): number | undefined {
    const { from, until } = warming.state.day;
    const lengthMs = until - from;
    const days = this.#deps.budgets.days(warming).filter((each) => each.until > from - FORECAST_DAYS * lengthMs);
    const [first] = days;
    if (first === undefined) return undefined;
    // Days without mail stand nowhere, and count.
    const span = Math.min(FORECAST_DAYS, Math.max(1, Math.round((from - first.from) / lengthMs)));
    return Math.round(days.reduce((sum, each) => sum + each.offered, 0) / span);
  }
}
