// Delivery status notifications as octets (RFC 3464 in the multipart/report of RFC 6522): a part for people that says
// what happened and what to do, a part for machines, and what came back of the message. Pure: no clock, no queue.
// MailComposer cannot make a multipart/report with a message/delivery-status part, so it is written out here.
import { isAscii, isUtf8 as isUtf8Text } from 'node:buffer';
import { formatDate } from '../mail/date.ts';
import { decodeXtext } from '../mail/xtext.ts';
import { folded, oneLine, pieces, safe, shortened } from './plain-text.ts';
import { quotedPrintable } from './quoted-printable.ts';

export type DsnAction = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';

export interface DsnRecipient {
  /** As in the envelope. */
  readonly mailbox: string;
  /** `addr-type;xtext` as received (RFC 3461 section 4.2). */
  readonly orcpt?: string;
  readonly action: DsnAction;
  /** RFC 3463 class.subject.detail. */
  readonly status: string;
  /** The remote's own words, one line a line, when it said any. */
  readonly diagnostic?: readonly string[];
  /** Host that said it. */
  readonly remoteMta?: string;
  /** ms since 1970. */
  readonly lastAttemptAt?: number;
  /** ms since 1970; only with `delayed`. */
  readonly willRetryUntil?: number;
  /** What it means and what to do, in plain words. */
  readonly explanation: string;
}

export interface DsnTerms {
  /** Host name of this relay: Reporting-MTA and the domain of the postmaster it is from. */
  readonly hostName: string;
  /** Of the notification itself; makes its Message-ID and boundary, so the same report has the same octets. */
  readonly id: string;
  /** ms since 1970. */
  readonly at: number;
  /** Reverse-path of the message: where this goes. */
  readonly to: string;
  /** ms since 1970: when the message was accepted. */
  readonly arrivedAt: number;
  /** Id of the message here: for whoever asks the relay's operator. */
  readonly messageId?: string;
  /** As received, still xtext (RFC 3461 section 4.4). */
  readonly envid?: string;
  readonly recipients: readonly DsnRecipient[];
  /** Header section of the message as accepted, without the empty line; absent: it is not there any more. */
  readonly header?: Buffer;
  /** Whole message, when RET=FULL asked for it, it is small enough and has no long line; else only `header` goes back. */
  readonly full?: Buffer;
  /** Mailboxes or host need UTF-8 (RFC 6533): message/global-delivery-status and friends are used. */
  readonly smtpUtf8?: boolean;
}

const CRLF = '\r\n';
const NOT_ASCII = /[^\u0000-\u007f]/;
/** Of what a host said, for people; the machine part has the first of it too. */
const SAID_LINES_MAX = 10;
const SAID_OCTETS_MAX = 500;
const DIAGNOSTIC_OCTETS_MAX = 1000;
/** Told of one by one, of each kind; programs find all of them in the machine part. */
const RECIPIENTS_TOLD_MAX = 100;
/** RFC 5322 section 2.1.1. */
const LINE_OCTETS_MAX = 998;

function subject(recipients: readonly DsnRecipient[]): string {
  const actions = new Set(recipients.map((recipient) => recipient.action));
  if (actions.has('failed')) return 'Your message could not be delivered';
  if (actions.has('delayed')) return 'Your message is delayed';
  return actions.has('relayed') ? 'Your message was passed on' : 'Your message was delivered';
}

function lead(action: DsnAction, count: number): string {
  const whom = count === 1 ? 'this recipient' : `these ${count} recipients`;
  if (action === 'failed') return `Your message could not be delivered to ${whom}. It will not be tried again.`;
  if (action === 'delayed') {
    return `Your message has not been delivered to ${whom} yet. You need not do anything: it is tried again.`;
  }
  if (action === 'relayed') {
    return `The mail server of ${whom} has taken your message. It sends no reports of its own, so this is the last one.`;
  }
  return `Your message was delivered to ${whom}.`;
}

function forPeople(terms: DsnTerms): string {
  const lines = [`This is the mail relay ${safe(terms.hostName)}.`];
  const named = terms.messageId === undefined ? '' : ` as ${terms.messageId}`;
  lines.push(`It took your message${named} on ${formatDate(terms.arrivedAt)}.`, '');
  const actions: DsnAction[] = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'];
  for (const action of actions) {
    const group = terms.recipients.filter((recipient) => recipient.action === action);
    if (group.length === 0) continue;
    lines.push(lead(action, group.length), '');
    for (const recipient of group.slice(0, RECIPIENTS_TOLD_MAX)) lines.push(...oneForPeople(recipient), '');
    const others = group.length - RECIPIENTS_TOLD_MAX;
    if (others > 0) lines.push(`  and ${others} more, who are named in the second part of this report.`, '');
  }
  return lines.join(CRLF);
}

function oneForPeople(recipient: DsnRecipient): readonly string[] {
  const { mailbox, explanation, diagnostic = [], remoteMta = 'The remote host', willRetryUntil } = recipient;
  const lines = [
    `  ${shortened(safe(mailbox), SAID_OCTETS_MAX)}`,
    ...pieces(safe(explanation)).map((piece) => `    ${piece}`),
  ];
  if (diagnostic.length > 0) {
    lines.push(`    ${shortened(safe(remoteMta), SAID_OCTETS_MAX)} said:`);
    for (const line of diagnostic.slice(0, SAID_LINES_MAX))
      lines.push(`      ${shortened(safe(line), SAID_OCTETS_MAX)}`);
  }
  if (willRetryUntil !== undefined) lines.push(`    It is tried until ${formatDate(willRetryUntil)}.`);
  return lines;
}

/** RFC 6533 section 3: an address beyond ASCII, in UTF-8 where that may be, else with `\x{HEX}`. */
function address(mailbox: string, isUtf8: boolean): string {
  const text = safe(mailbox);
  if (!NOT_ASCII.test(text)) return `rfc822;${text}`;
  return `utf-8;${isUtf8 ? text : escaped(text)}`;
}

function escaped(text: string): string {
  return Array.from(text)
    .map((character) => {
      const isPlain = /^[!-*,-<>-[\]-~]$/.test(character);
      return isPlain ? character : `\\x{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`;
    })
    .join('');
}

/** RFC 3464 section 2.3.1. `utf-8` has an encoding of its own (RFC 6533 section 3). */
function original(orcpt: string, isUtf8: boolean): string {
  const mark = orcpt.indexOf(';');
  const [kind, text] = mark === -1 ? ['rfc822', orcpt] : [orcpt.slice(0, mark), orcpt.slice(mark + 1)];
  if (!/^utf-8$/i.test(kind)) return `${plain(kind, isUtf8)};${plain(decodeXtext(text), isUtf8)}`;
  return `${plain(kind, isUtf8)};${isUtf8 || !NOT_ASCII.test(text) ? safe(text) : escaped(safe(text))}`;
}

/** RFC 3464 section 2.1: the machine part is ASCII, but for its form of RFC 6533. */
function plain(text: string, isUtf8: boolean): string {
  return isUtf8 ? safe(text) : safe(text).replace(/[^\u0000-\u007f]/g, '?');
}

function forMachines(terms: DsnTerms): string {
  const isUtf8 = terms.smtpUtf8 === true;
  const groups: string[][] = [[`Reporting-MTA: dns; ${plain(terms.hostName, isUtf8)}`]];
  if (terms.envid !== undefined) {
    groups[0]?.unshift(oneLine(`Original-Envelope-Id: ${plain(decodeXtext(terms.envid), isUtf8)}`));
  }
  groups[0]?.push(`Arrival-Date: ${formatDate(terms.arrivedAt)}`);
  if (terms.messageId !== undefined) groups[0]?.push(`X-Postilion-Message: ${terms.messageId}`);
  for (const recipient of terms.recipients) {
    const fields: string[] = [];
    if (recipient.orcpt !== undefined) {
      fields.push(oneLine(`Original-Recipient: ${original(recipient.orcpt, isUtf8)}`));
    }
    fields.push(oneLine(`Final-Recipient: ${address(recipient.mailbox, isUtf8)}`), `Action: ${recipient.action}`);
    fields.push(`Status: ${recipient.status}`);
    if (recipient.remoteMta !== undefined)
      fields.push(oneLine(`Remote-MTA: dns; ${plain(recipient.remoteMta, isUtf8)}`));
    if (recipient.diagnostic !== undefined && recipient.diagnostic.length > 0) {
      const said = shortened(recipient.diagnostic.join(' '), DIAGNOSTIC_OCTETS_MAX);
      fields.push(folded(`Diagnostic-Code: smtp; ${plain(said, isUtf8)}`));
    }
    if (recipient.lastAttemptAt !== undefined) fields.push(`Last-Attempt-Date: ${formatDate(recipient.lastAttemptAt)}`);
    if (recipient.willRetryUntil !== undefined) {
      fields.push(`Will-Retry-Until: ${formatDate(recipient.willRetryUntil)}`);
    }
    groups.push(fields);
  }
  return groups.map((fields) => `${fields.join(CRLF)}${CRLF}`).join(CRLF);
}

interface Part {
  readonly type: string;
  readonly encoding: '7bit' | '8bit' | 'quoted-printable';
  readonly body: Buffer;
}

/** Text goes through servers without 8BITMIME too, unless the whole needs SMTPUTF8. */
function textPart(type: string, octets: Buffer, isUtf8: boolean): Part {
  if ((isAscii(octets) || isUtf8) && !hasLongLine(octets)) {
    return { type, encoding: isAscii(octets) ? '7bit' : '8bit', body: octets };
  }
  return { type, encoding: 'quoted-printable', body: Buffer.from(quotedPrintable(octets)) };
}

/** RFC 5322 section 2.1.1. `octets`: lines end in CRLF. */
export function hasLongLine(octets: Buffer): boolean {
  for (let from = 0; from < octets.length; ) {
    const end = octets.indexOf(CRLF, from);
    if ((end === -1 ? octets.length : end) - from > LINE_OCTETS_MAX) return true;
    if (end === -1) return false;
    from = end + CRLF.length;
  }
  return false;
}

/** What comes back of the message. RFC 6522 section 3: nothing, when there is nothing. */
function returned({ full, header }: DsnTerms, isUtf8: boolean): readonly Part[] {
  if (full !== undefined) {
    const type = isUtf8 ? 'message/global' : 'message/rfc822';
    return [{ type, encoding: isAscii(full) ? '7bit' : '8bit', body: full }];
  }
  if (header === undefined) return [];
  const octets = Buffer.concat([header, Buffer.from(CRLF)]);
  // RFC 6533 section 6.3: UTF-8 in lines of the usual length, and nothing is encoded.
  if (isUtf8 && isUtf8Text(header) && !hasLongLine(header)) return [textPart('message/global-headers', octets, true)];
  // What is not UTF-8 is Latin-1 in most cases, and every octet is something in it.
  const charset = isAscii(header) ? '' : `; charset=${isUtf8Text(header) ? 'utf-8' : 'iso-8859-1'}`;
  return [textPart(`text/rfc822-headers${charset}`, octets, false)];
}

/** The notification, canonical CRLF. Sent with the null reverse-path (RFC 3461 section 6.1). */
export function buildDsn(terms: DsnTerms): Buffer {
  const boundary = `=_dsn_${terms.id}`;
  const isUtf8 = terms.smtpUtf8 === true;
  const machines = Buffer.from(forMachines(terms));
  const parts: readonly Part[] = [
    textPart('text/plain; charset=utf-8', Buffer.from(forPeople(terms)), isUtf8),
    textPart(isUtf8 ? 'message/global-delivery-status' : 'message/delivery-status', machines, isUtf8),
    ...returned(terms, isUtf8),
  ];
  const head = [
    `From: Mail relay <postmaster@${safe(terms.hostName)}>`,
    `To: <${safe(terms.to)}>`,
    `Subject: ${subject(terms.recipients)}`,
    `Date: ${formatDate(terms.at)}`,
    `Message-ID: <${terms.id}@${safe(terms.hostName)}>`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status;${CRLF} boundary="${boundary}"`,
    '',
    'This is a delivery report in MIME format.',
    '',
  ].join(CRLF);
  const pieces = parts.flatMap(({ type, encoding, body }) => [
    Buffer.from(
      `${CRLF}--${boundary}${CRLF}Content-Type: ${type}${CRLF}Content-Transfer-Encoding: ${encoding}${CRLF}${CRLF}`,
    ),
    body,
  ]);
  return Buffer.concat([Buffer.from(head), ...pieces, Buffer.from(`${CRLF}--${boundary}--${CRLF}`)]);
}
