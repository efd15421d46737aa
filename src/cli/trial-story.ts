// A trial's events as lines for a person: when, what, which message, whereto, and below it who said what. Colour is a
// help, never the only sign. Pure.
import { durationText } from '../base/duration.ts';
import type { OutcomeEvent } from '../flow/event.ts';
import type { AcceptedEvent, TrialEvent } from '../trial/event.ts';
import { personalityOf } from '../trial/personality.ts';
import { sizeText } from './moment.ts';
import type { Paint, Tone } from './paint.ts';
import { printable } from './table.ts';

export interface Story {
  readonly paint: Paint;
  /** Address of a source by its name. */
  readonly sources: Readonly<Record<string, string>>;
}

const WORD_WIDTH = 9;
const DETAIL = ' '.repeat('00:00:00.000  '.length + WORD_WIDTH + 2);
/** Of an id, the end: its beginning is the time. */
const ID_END = 6;
const TONES: Readonly<Record<OutcomeEvent['outcome'], Tone>> = {
  delivered: 'good',
  deferred: 'wait',
  failed: 'bad',
  expired: 'bad',
  suppressed: 'bad',
  cancelled: 'quiet',
  unknown: 'wait',
};

/** Lines with their line feeds, or undefined for what a person need not see. */
export function storyOf(event: TrialEvent, story: Story): string | undefined {
  switch (event.type) {
    case 'accepted':
      return acceptedText(event, story);
    case 'outcome':
      return outcomeText(event, story);
    case 'alarm':
      return line(event.at, 'bad', 'alarm', printable(`${event.alarm}: ${event.text}`), story);
    case 'state':
      // What the relay notes for itself is not the way of a message.
      if (event.by !== 'operator') return undefined;
      return line(event.at, 'quiet', 'state', printable(`${event.key} by ${event.by}`), story);
    default:
      return undefined;
  }
}

function line(at: number, tone: Tone, word: string, text: string, { paint }: Story): string {
  return `${paint('quiet', timeText(at))}  ${paint(tone, word.padEnd(WORD_WIDTH))}  ${text}\n`;
}

function acceptedText(event: AcceptedEvent, story: Story): string {
  const count = event.forwardPaths.length;
  const signed = [...new Set(event.selectors.map((selector) => selector.replace(/^.*?\._domainkey\./, '')))];
  const facts = [
    count === 1 ? '1 recipient' : `${count} recipients`,
    sizeText(event.size),
    signed.length > 0 ? `signed by ${signed.join(' and ')}` : 'not signed',
  ];
  const from = event.reversePath === '' ? '<>, a report to a sender' : event.reversePath;
  const first = line(event.at, 'new', 'accepted', `${event.messageId}  from ${printable(from)}`, story);
  return `${first}${DETAIL}${story.paint('quiet', printable(facts.join(', ')))}\n`;
}

function outcomeText(event: OutcomeEvent, story: Story): string {
  const { paint } = story;
  const took = `${event.attempts > 1 ? `attempt ${event.attempts}, ` : ''}${tookText(event.at - event.acceptedAt)}`;
  const head = `…${event.messageId.slice(-ID_END)}  ${paint('strong', printable(event.forwardPath))}  ${took}`;
  const again =
    event.nextAttemptAt === undefined
      ? ''
      : `  ${paint('wait', `again in ${durationText(roundedUp(event.nextAttemptAt - event.at))}`)}`;
  const below = [wayText(event, story), saidText(event)].filter((text) => text !== '');
  return [
    line(event.at, TONES[event.outcome], event.outcome, `${head}${again}`, story),
    ...below.map((text) => `${DETAIL}${paint('quiet', printable(text))}\n`),
  ].join('');
}

/** Which provider, which of its hosts, from which of our addresses. */
function wayText({ remote, source }: OutcomeEvent, { sources }: Story): string {
  if (remote === undefined) return '';
  const from = source === undefined ? '' : `, from ${sources[source] ?? source} (${source})`;
  return `${personalityOf(remote.host).name}: ${remote.host} [${remote.address}]${from}`;
}

function saidText({ reply, error, mayHaveBeenDelivered }: OutcomeEvent): string {
  const said =
    reply === undefined ? (error?.text ?? '') : [reply.code, reply.enhanced ?? [], ...reply.lines].flat().join(' ');
  return mayHaveBeenDelivered === true ? `${said}; it may have been delivered` : said;
}

function tookText(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function roundedUp(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000)) * 1000;
}

/** Of the place where the person sits. */
function timeText(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
