// What warm-up decided, in words for people.
import type { WarmupDecision, WarmupReason } from '../flow/warmup.ts';
import { IN_ALL, type WarmupProspect, type WarmupReport } from '../flow/warmup.ts';
import { momentText } from '../base/duration.ts';
import { countText, countedText } from './progress.ts';

const WHY: Readonly<Record<WarmupReason, string>> = {
  'went-well': 'went well',
  held: 'held',
  'little-used': 'little used',
  'not-judged': 'few answers',
  'not-delivered': 'little delivered',
  blocked: 'blocked',
  complaints: 'complaints',
  idle: 'no mail',
  operator: 'by an operator',
};

interface Decided {
  readonly what: WarmupDecision;
  readonly why: WarmupReason;
  readonly to?: number;
}

/** `back to 800: blocked` */
export function decisionText({ what, why, to }: Decided): string {
  const where = to === undefined ? '' : countText(to);
  switch (what) {
    case 'advanced':
      return `on to ${where}: ${WHY[why]}`;
    case 'warm':
      return `warm: ${WHY[why]}`;
    case 'repeated':
      return `again: ${WHY[why]}`;
    case 'stepped-back':
      return `back to ${where}: ${WHY[why]}`;
    case 'decayed':
      return `fell to ${where}: ${WHY[why]}`;
  }
}

const WHAT: Readonly<Record<WarmupDecision, string>> = {
  advanced: 'on',
  warm: 'warm',
  repeated: 'again',
  'stepped-back': 'back',
  decayed: 'fell',
};

/** Beside the budget that it led to: `back: blocked` */
export function decisionWord({ what, why }: Decided): string {
  return `${WHAT[what]}: ${WHY[why]}`;
}

export function providerText(provider: string): string {
  return provider === IN_ALL ? 'all' : provider;
}

/** `all` is the budget of all providers together. */
export function providerNamed(text: string): string {
  return text === 'all' ? IN_ALL : text;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `2 Jan`: the date that most of a day has, which is the same in UTC and in nearly every zone. */
export function dateText(from: number, until = from + 86_400_000): string {
  const date = new Date((from + until) / 2);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

export function percentText(part: number, whole: number): string {
  if (whole === 0) return '-';
  const percent = (100 * part) / whole;
  // Rounded down: what is wanted is not reached by rounding.
  return `${Number.isInteger(percent) ? percent : (Math.floor(percent * 10) / 10).toFixed(1)} %`;
}

/** When it will be warm, in as few words as fit into a column. */
export function prospectWord(prospect: WarmupProspect): string {
  switch (prospect.is) {
    case 'warm':
      return 'warm';
    case 'warm-on':
      return dateText(prospect.at);
    case 'stays':
      return 'never';
    case 'unknown':
      return '?';
  }
}

function prospectText({ prospect, offered, isHeld }: WarmupReport): string {
  const volume = offered === undefined ? '' : `${countText(offered)} a day`;
  switch (prospect.is) {
    case 'warm':
      return 'warm: no budget';
    case 'warm-on':
      return `warm on ${dateText(prospect.at)}, in ${countedText(prospect.days, 'day')}, if ${volume} go on`;
    case 'stays':
      if (isHeld) return 'held: it stays until `postilion warmup resume`';
      return `with ${volume} it stays at ${countText(prospect.budget)}: a day with ${countText(prospect.needs)} leads on`;
    case 'unknown':
      return 'no day is over yet: when it will be warm is not known';
  }
}

/** Everything about one budget, on lines of at most 80 columns. */
export function budgetText(report: WarmupReport, now: number): string {
  const { provider, stage, stages, today, gates, decision, isHeld } = report;
  const { budget, used, left, until, delivered, against, blocks, complaints } = today;
  const answered = delivered + against;
  const place = stage === undefined ? 'warm' : `stage ${stage} of ${stages}${isHeld ? ', held' : ''}`;
  const spent =
    budget === undefined
      ? `${countText(used)} today`
      : `${countText(used)} of ${countText(budget)} today (${percentText(used, budget)}, ${gates.used * 100} % wanted)`;
  const lines = [
    `${place}: ${spent}`,
    ...(left === undefined ? [] : [`${countText(left)} left; the next day begins ${momentText(until, now)}`]),
    answered === 0
      ? 'no answers yet'
      : `${countText(delivered)} of ${countedText(answered, 'answer')} delivered (${percentText(delivered, answered)}, ${gates.delivered * 100} % wanted)`,
    ...(blocks + complaints === 0 ? [] : [`${countedText(blocks, 'block')}, ${countedText(complaints, 'complaint')}`]),
    ...(decision === undefined ? [] : [`${decisionText(decision)} (${momentText(decision.at, now)})`]),
    prospectText(report),
  ];
  return lines.map((line, at) => `${(at === 0 ? providerText(provider) : '').padEnd(12)} ${line}\n`).join('');
}
