// What mail waits for, in words for people: the only place where that is said, for the CLI, the API and the console alike.
import { durationText, momentText } from '../base/duration.ts';
import type { DrainForecast } from './backlog.ts';
import type { SuspensionReport } from './lanes.ts';
import type { CapFigure, Throttle, Wait } from './wait.ts';
import { IN_ALL } from './warmup.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const HELD = 'held, ';

/** One sentence about mail that would come, or waits, now. */
export function waitSentence(wait: Wait, now: number): string {
  return `it ${waitClause(waitText(wait, now))}`;
}

/** `waits for its turn`, `is held, paused: all`; of several `wait for`, `are`. */
export function waitClause(text: string, areMany = false): string {
  if (text.startsWith(HELD)) return `${areMany ? 'are' : 'is'} ${text}`;
  return `${areMany ? 'wait' : 'waits'} for ${text}`;
}

/** What follows `waits for`, or stands in a column of that name; what is held begins with that word. */
export function waitText(wait: Wait, now: number): string {
  switch (wait.for) {
    case 'nothing':
      return 'nothing';
    case 'delivery':
      return 'its delivery, which is on its way';
    case 'turn':
      return 'its turn';
    case 'resume':
      return `${HELD}paused: ${wait.mark}${wait.why === undefined ? '' : `, since ${wait.why}`}`;
    case 'name':
      return `${HELD}nobody knows ${wait.name}`;
    case 'suspension':
      return suspensionText(wait.suspension, now);
    case 'next-attempt':
      return `its next attempt, ${momentText(wait.until, now)}`;
    case 'dns':
      return 'an answer from DNS';
    case 'dns-again':
      return `DNS: ${wait.text}${wait.until === undefined ? '' : `; asked again ${momentText(wait.until, now)}`}`;
    case 'host': {
      const when = wait.until === undefined ? 'being tried now' : `tried again ${momentText(wait.until, now)}`;
      return `a connection from ${wait.source} (${wait.text}); ${when}`;
    }
    case 'egress':
      return 'an egress process';
    case 'disk':
      return `the disk: ${wait.unsynced} outcomes are not synced yet`;
    case 'source':
      return `a source: none of pool ${wait.pool} may send`;
    case 'warm-source':
      return `a warm source: stream ${wait.stream} is kept off ${wait.source} while it warms up`;
    case 'ipv4-source':
      return `a source with an IPv4 address: ${wait.source} has none, and \`ipv6\` is off for ${wait.at}`;
    case 'budget':
      return budgetText(wait, now);
    case 'cap': {
      const of = wait.by === 'host' ? 'of the host' : `of ${wait.by} ${wait.name}`;
      const busy = wait.figure.cap === 'connections' ? ', all busy' : '';
      return `the cap ${of}: ${figureText(wait.figure)}${busy}`;
    }
    case 'pace': {
      const { lane, part, allowed, isPinned, throttle } = wait;
      const figure = part === 'connections' ? `${connectionsText(allowed)}, all busy` : `${rounded(allowed)} a minute`;
      const why = isPinned ? ', pinned' : throttle === undefined ? '' : throttleText(throttle, now);
      return `the pace of ${lane}: ${figure}${why}`;
    }
  }
}

/** What follows `empties`. */
export function drainText(forecast: DrainForecast, now: number): string {
  switch (forecast.is) {
    case 'never':
      return 'never while held';
    case 'unknown':
      return 'not known';
    case 'empty-about':
      return `about ${momentText(now + roughly(forecast.at - now), now)}`;
    case 'not-before':
      return notBeforeText(forecast.at, now);
  }
}

/** `in 12m or later`, `not before 09:00 UTC`; of another day its date too. */
function notBeforeText(at: number, now: number): string {
  if (at - now < HOUR_MS) return `${momentText(now + roughly(at - now), now)} or later`;
  const [date = '', time = ''] = new Date(at).toISOString().split('T');
  const clock = `${time.slice(0, 5)} UTC`;
  return `not before ${at - now < DAY_MS ? clock : `${date} ${clock}`}`;
}

/** Seconds of what takes many minutes, minutes of what takes many hours: nobody knows them. */
function roughly(ms: number): number {
  const step = ms > 5 * 3_600_000 ? 3_600_000 : ms > 180_000 ? 60_000 : 1000;
  return Math.max(step, Math.round(ms / step) * step);
}

/** `out1/google: suspended, ends in 2h: 421 too many (rule google-rate)` */
export function suspensionText(suspension: SuspensionReport, now: number): string {
  const { what, name, state, until = now, by, reply, remedy } = suspension;
  const whose = what === 'campaign' ? 'campaign ' : what === 'sending-domain+provider' ? 'sending domain ' : '';
  const cause = reply === undefined ? `by ${by}` : `${reply} (${by})`;
  const why = remedy === undefined ? cause : `${cause}; mend ${remedy}`;
  switch (state) {
    case 'held':
      return `${HELD}${whose}${name} until \`postilion ${what === 'campaign' ? 'campaign' : 'lane'} resume ${name}\`: ${why}`;
    case 'probing':
      return `${whose}${name}: one delivery at a time tries after a suspension: ${why}`;
    case 'suspended':
      return `${whose}${name}: suspended, ends ${momentText(until, now)}: ${why}`;
  }
}

/** `3 connections`, `30 in 1m`. */
export function figureText(figure: CapFigure): string {
  switch (figure.cap) {
    case 'connections':
      return connectionsText(figure.count);
    case 'new_connections':
      return `${figure.count} new connection${figure.count === 1 ? '' : 's'} in ${durationText(figure.perMs)}`;
    case 'rate':
      return `${figure.count} in ${durationText(figure.perMs)}`;
  }
}

function budgetText({ source, provider, used, budget, until }: Extract<Wait, { for: 'budget' }>, now: number): string {
  const at = provider === IN_ALL ? 'at all providers' : `at ${provider}`;
  const next = until === undefined ? 'more at once' : `the next ${momentText(until, now)}`;
  return `the warm-up budget of ${source} ${at}: ${used} of ${budget} used today, ${next}`;
}

function throttleText({ at, by, reply }: Throttle, now: number): string {
  return `, lowered ${momentText(at, now)}: ${reply} (${by})`;
}

function connectionsText(count: number): string {
  return `${count} connection${count === 1 ? '' : 's'}`;
}

function rounded(perMinute: number): number {
  return perMinute >= 10 ? Math.round(perMinute) : Math.round(perMinute * 10) / 10;
}
