// postilion warmup simulate: what a plan does with so much mail a day, before a real address is risked.
import { EXIT, OperatorError } from '../base/errors.ts';
import { findFolders } from '../config/load.ts';
import { loadPlans } from '../config/load-warmup.ts';
import { suggestion, problemText } from '../config/problem.ts';
import { begin } from '../policy/warmup.ts';
import { calendarOf } from '../policy/warmup-calendar.ts';
import { forecast, type ForecastDay } from '../policy/warmup-forecast.ts';
import { ladderOf, stageOf, type WarmupPlan } from '../policy/warmup-plan.ts';
import { type Call, type Command, given, optionText } from './command.ts';
import { amountText, plotText } from './plot.ts';
import { countText, countedText } from './progress.ts';
import { type Column, tableText } from './table.ts';
import { parseShape, parseVolume, weekdayOf } from './warmup-volume.ts';
import { decisionText, providerNamed } from './warmup-words.ts';

const DAYS_USUAL = 60;
const DAYS_MAX = 400;
const COLUMNS_USUAL = 80;

export const warmupSimulate: Command = {
  words: ['warmup', 'simulate'],
  summary: 'Run a warm-up plan on paper, with so much mail a day',
  details:
    'Day by day as the relay would decide if all is delivered: budget, what the source sends, what is left to others. Needs no running relay. The volume is that of one provider; a day of --shape has that share of it. It begins today; where it is not warm in the end, the last lines say why.',
  args: [{ name: 'plan', doc: 'its name in warmup.yaml or own-warmup.yaml' }],
  options: [
    { flags: '--volume <recipients>', doc: 'recipients per day, such as 200k/day' },
    { flags: '--provider <name>', doc: 'stages of this provider (other)' },
    { flags: '--shape <shape>', doc: 'even, weekdays, weekly, or seven shares from Monday (even)' },
    { flags: '--at <recipients>', doc: 'begin where this volume fits, as `warmup set` does' },
    { flags: '--blocked <days>', doc: 'days on which the provider blocks the source, such as 8,9' },
    { flags: '--days <n>', doc: `at most so many days (${DAYS_USUAL})` },
  ],
  examples: [
    ['postilion warmup simulate standard --volume 200k/day --provider google', 'plot and table'],
    ['postilion warmup simulate standard --volume 40k/day --shape weekdays', 'nothing at weekends'],
    ['postilion warmup simulate careful --volume 90k/day --blocked 12', 'what one block costs'],
  ],
  async run(call) {
    const run = simulated(call);
    const { terminal } = call.deps;
    await terminal.out(call.json ? `${JSON.stringify(run)}\n` : simulationText(run, terminal.outColumns));
    return EXIT.ok;
  },
};

interface Simulation {
  readonly plan: string;
  readonly provider: string;
  readonly volume: number;
  readonly stages: number;
  /** Recipients on one day that would lead on from where it ends. */
  readonly needs: number;
  /** Number of the day after which it is warm; absent: it is not within these days. */
  readonly warmAfter?: number;
  readonly days: readonly SimulatedDay[];
}

interface SimulatedDay extends ForecastDay {
  /** From 1; absent: warm. */
  readonly stage?: number;
}

function simulated(call: Call): Simulation {
  const name = given(call, 'plan');
  const plan = planOf(call, name);
  const volumeText = optionText(call, 'volume');
  if (volumeText === undefined)
    throw new OperatorError('--volume is missing: recipients per day, such as 200k/day', EXIT.usage);
  const volume = parseVolume(volumeText, '--volume');
  const shape = parseShape(optionText(call, 'shape') ?? 'even');
  const provider = optionText(call, 'provider') ?? 'other';
  const ladder = ladderOf(plan, providerNamed(provider));
  const calendar = calendarOf(plan);
  const at = optionText(call, 'at');
  const blocked = numbers(call, 'blocked');
  const daysMax = numbers(call, 'days')[0] ?? DAYS_USUAL;
  const { from } = calendar.day(call.deps.clock.now());
  const first = begin(ladder, calendar, from, at === undefined ? {} : { volume: parseVolume(at, '--at') });
  const days: SimulatedDay[] = [];
  const weather = (number: number, dayFrom: number) => ({
    volume: Math.round(volume * (shape[weekdayOf(dayFrom)] ?? 1)),
    isBlocked: blocked.includes(number),
  });
  for (const day of forecast(ladder, calendar, first, weather)) {
    days.push({ ...day, ...(day.budget !== undefined && { stage: stageOf(ladder, day.budget) + 1 }) });
    if (day.decision?.what === 'warm' || day.number >= daysMax) break;
  }
  const last = days.at(-1);
  const warmAfter = last?.decision?.what === 'warm' ? last.number : undefined;
  const { stages, gates } = ladder;
  const needs = Math.ceil(Math.max(gates.used * (last?.budget ?? 0), gates.sample));
  return {
    plan: name,
    provider,
    volume,
    stages: stages.length,
    needs,
    ...(warmAfter !== undefined && { warmAfter }),
    days,
  };
}

/** Works without a folder of configuration, and while other files of it are half edited. */
function planOf(call: Call, name: string): WarmupPlan {
  const folder = findFolders(call.configDir)?.config;
  const loaded = loadPlans({}, folder, call.configDir);
  if ('problems' in loaded) throw new OperatorError(loaded.problems.map(problemText).join('\n'), EXIT.configuration);
  const plan = Object.hasOwn(loaded.plans, name) ? loaded.plans[name] : undefined;
  if (plan !== undefined) return plan;
  throw new OperatorError(`there is no plan '${name}'; ${suggestion(name, Object.keys(loaded.plans))}`, EXIT.usage);
}

function numbers(call: Call, option: string): readonly number[] {
  const text = optionText(call, option);
  if (text === undefined) return [];
  const found = text.split(',').map(Number);
  if (found.every((each) => Number.isInteger(each) && each >= 1 && each <= DAYS_MAX)) return found;
  throw new OperatorError(`--${option} takes numbers from 1 to ${DAYS_MAX}, not '${text}'`, EXIT.usage);
}

function simulationText(run: Simulation, columns?: number): string {
  const { days, warmAfter } = run;
  const sent = days.reduce((sum, day) => sum + day.sent, 0);
  const volume = days.reduce((sum, day) => sum + day.volume, 0);
  const share = volume === 0 ? 0 : Math.round((100 * sent) / volume);
  const bars = days.map(({ budget, sent: full }) => ({ full, shade: budget ?? full }));
  return [
    `plan ${run.plan} at ${run.provider}: ${countedText(run.volume, 'recipient')} a day\n`,
    warmAfter === undefined
      ? `not warm after ${countedText(days.length, 'day')}`
      : `warm after ${countedText(warmAfter, 'day')}`,
    `; it sends ${amountText(sent)} of ${amountText(volume)} (${share} %), the rest is for others\n`,
    warmAfter === undefined
      ? `it ends at ${countText(days.at(-1)?.budget ?? 0)} a day, from where a day with ${countedText(run.needs, 'recipient')} leads on\n\n`
      : '\n',
    plotText(bars, columns ?? COLUMNS_USUAL),
    `${' '.repeat(7)} █ sent by the source   ░ budget not used   days from left to right\n\n`,
    tableText(columnsOf(run.stages), days, columns),
  ].join('');
}

const columnsOf = (stages: number): readonly Column<SimulatedDay>[] => [
  { title: 'day', of: ({ number }) => String(number), align: 'right' },
  { title: 'stage', of: ({ stage }) => (stage === undefined ? 'warm' : `${stage}/${stages}`), align: 'right' },
  { title: 'budget', of: ({ budget }) => (budget === undefined ? '-' : countText(budget)), align: 'right' },
  { title: 'sent', of: ({ sent }) => countText(sent), align: 'right' },
  { title: 'for others', of: ({ volume, sent }) => countText(volume - sent), align: 'right' },
  { title: 'then', of: ({ decision }) => (decision === undefined ? '' : decisionText(decision)) },
];
