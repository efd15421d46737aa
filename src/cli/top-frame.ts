// One look of `postilion top` as lines for a screen, and as a record for programs. Pure. Rates are those since the look
// before; of the first there are none.
import type { TopReport, TopRow } from '../control/api.ts';
import type { PacedLanes } from '../flow/operations.ts';
import { momentText } from '../base/duration.ts';
import { instantText } from './moment.ts';
import type { Paint, Tone } from './paint.ts';
import { countText, countedText } from './progress.ts';
import { type Column, printable, tableText } from './table.ts';

export interface FrameOptions {
  readonly paint: Paint;
  /** Of the screen; absent: nothing is cut. */
  readonly columns?: number;
  readonly lines?: number;
}

const ALARMS_MAX = 3;
const COUNTERS = ['accepted', 'delivered', 'deferred', 'failed'] as const;

interface Rated extends TopRow {
  readonly rates: Rates | undefined;
}

/** A second. */
type Rates = Readonly<Record<'delivered' | 'deferred' | 'failed', number>>;

export function topFrame(report: TopReport, earlier: TopReport | undefined, options: FrameOptions): string {
  const { paint, columns, lines } = options;
  const totals = [
    `${countedText(report.deliveries, 'delivery', 'deliveries')} of ${countedText(report.messages, 'message')} ${report.deliveries === 1 ? 'waits' : 'wait'}; `,
    `${countText(report.inFlight)} in flight on ${countedText(report.sessions, 'connection')}`,
    report.reportsOwed > 0 ? `; ${countedText(report.reportsOwed, 'report')} owed` : '',
  ].join('');
  const rates = COUNTERS.map((name) => {
    const rate = rateOf(report, earlier, report.counters[name], earlier?.counters[name]);
    return `${name} ${rateText(rate)}/s`;
  }).join('  ');
  const rated = rowsOf(report, earlier);
  const shown = rated.some(({ paced }) => paced !== undefined) ? COLUMNS : COLUMNS.filter((one) => one !== PACE);
  const [titles = '', ...rows] = tableText(shown, rated, columns).trimEnd().split('\n');
  const frame = [
    paint('strong', cut(`${instantText(report.at)}  ${rates}`, columns)),
    cut(totals, columns),
    ...report.paused.map((mark) => paint('wait', cut(`paused: ${printable(mark)}`, columns))),
    ...report.alarms
      .slice(-ALARMS_MAX)
      .map(({ at, alarm, text }) =>
        paint('bad', cut(`ALARM ${momentText(at, report.at)} ${alarm}: ${printable(text)}`, columns)),
      ),
    '',
    ...(rated.length === 0 ? ['nothing waits, and nothing is on its way'] : [paint('quiet', titles)]),
    ...rated.map((row, at) => paint(toneOf(row), rows[at] ?? '')),
  ];
  return frame
    .slice(0, lines)
    .map((line) => `${line}\n`)
    .join('');
}

export function topJson(report: TopReport, earlier: TopReport | undefined): object {
  const { at, messages, deliveries, inFlight, sessions, reportsOwed, paused, alarms, counters } = report;
  const rates = COUNTERS.map((name) => [
    `${name}_per_s`,
    rounded(rateOf(report, earlier, counters[name], earlier?.counters[name])),
  ]);
  return {
    at: instantText(at),
    messages,
    deliveries,
    in_flight: inFlight,
    sessions,
    reports_owed: reportsOwed,
    ...Object.fromEntries(rates),
    counters,
    paused,
    alarms: alarms.map((alarm) => ({ at: instantText(alarm.at), alarm: alarm.alarm, text: alarm.text })),
    rows: rowsOf(report, earlier).map((row) => ({
      name: row.name,
      provider: row.isProvider,
      waiting: row.waiting,
      in_flight: row.inFlight,
      sessions: row.sessions,
      delivered: row.delivered,
      deferred: row.deferred,
      failed: row.failed,
      delivered_per_s: rounded(row.rates?.delivered),
      deferred_per_s: rounded(row.rates?.deferred),
      failed_per_s: rounded(row.rates?.failed),
      ...(row.paced === undefined
        ? {}
        : {
            paced: {
              lanes: row.paced.lanes,
              connections: row.paced.connections,
              ...(row.paced.perMinute !== undefined && { per_min: rounded(row.paced.perMinute) }),
            },
          }),
      ...(row.lastTrouble === undefined ? {} : { last_trouble: row.lastTrouble }),
    })),
  };
}

function rowsOf(report: TopReport, earlier: TopReport | undefined): readonly Rated[] {
  const known = new Map(earlier?.rows.map((row) => [row.name, row]));
  return report.rows.map((row) => {
    const was = known.get(row.name);
    const of = (name: keyof Rates): number => rateOf(report, earlier, row[name], was?.[name] ?? row[name]) ?? 0;
    const rates = { delivered: of('delivered'), deferred: of('deferred'), failed: of('failed') };
    return { ...row, rates: earlier === undefined ? undefined : rates };
  });
}

/** A count that went back is that of a scheduler that began anew. */
function rateOf(now: TopReport, earlier: TopReport | undefined, count = 0, before = 0): number | undefined {
  if (earlier === undefined || now.at <= earlier.at) return undefined;
  return (Math.max(0, count - before) * 1000) / (now.at - earlier.at);
}

function rounded(rate: number | undefined): number | undefined {
  return rate === undefined ? undefined : Math.round(rate * 10) / 10;
}

function rateText(rate: number | undefined): string {
  if (rate === undefined) return '-';
  return rate > 0 && rate < 10 ? rate.toFixed(1) : countText(Math.round(rate));
}

function toneOf({ rates }: Rated): Tone {
  if (rates === undefined) return 'plain';
  if (rates.failed > 0) return 'bad';
  if (rates.deferred > 0) return 'wait';
  return rates.delivered > 0 ? 'good' : 'plain';
}

function cut(text: string, columns: number | undefined): string {
  return columns === undefined || text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
}

const PACE: Column<Rated> = { title: 'pace', of: ({ paced }) => (paced === undefined ? '' : paceText(paced)) };

/** `15 conn, 30/min`: of the lanes that may not do what the ceiling allows. */
function paceText({ connections, perMinute }: PacedLanes): string {
  const rate = perMinute === undefined ? '' : `, ${rateText(perMinute)}/min`;
  return `${countText(connections)} conn${rate}`;
}

const COLUMNS: readonly Column<Rated>[] = [
  { title: 'provider or domain', of: ({ name }) => name },
  { title: 'waiting', of: ({ waiting }) => countText(waiting), align: 'right' },
  { title: 'in flight', of: ({ inFlight }) => countText(inFlight), align: 'right' },
  { title: 'conn', of: ({ sessions }) => countText(sessions), align: 'right' },
  { title: 'deliv/s', of: ({ rates }) => rateText(rates?.delivered), align: 'right' },
  { title: 'defer/s', of: ({ rates }) => rateText(rates?.deferred), align: 'right' },
  { title: 'fail/s', of: ({ rates }) => rateText(rates?.failed), align: 'right' },
  PACE,
  { title: 'last trouble', of: ({ lastTrouble }) => lastTrouble ?? '' },
];
