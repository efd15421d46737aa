// A report as a message of ours: its octets, and the record that the spool keeps of it, with everything that submission
// would have decided at acceptance. Pure.
import { createHash } from 'node:crypto';
import type { DsnOwed, OutcomeEvent } from '../flow/event.ts';
import { SYSTEM_STREAM } from '../flow/feedback.ts';
import type { Domain, Mailbox, Message, MessageId } from '../flow/message.ts';
import { domainMatches } from '../mail/domain.ts';
import { RelaxedBodyHash } from '../mail/relaxed-body.ts';
import { signingOf } from '../mail/signing-table.ts';
import { buildDigest } from '../report/digest.ts';
import { buildDsn, type DsnRecipient } from '../report/dsn.ts';
import { explanationOf, kindInWords, reasonOf } from './explanation.ts';
import type { Period } from './limits.ts';
import type { FeedbackOptions } from './options.ts';
import { statusOf } from './status.ts';
import type { Summary } from './summary.ts';

export interface Notification {
  readonly message: Message;
  readonly content: Buffer;
}

/** What is left of the message that is reported on. */
export interface Returned {
  readonly header?: Buffer;
  readonly full?: Buffer;
}

type Owing = OutcomeEvent & { readonly dsn: DsnOwed };

/** Whose the report is. */
interface Owner {
  readonly id: MessageId;
  readonly to: Mailbox;
  /** Routing domain of `to`. */
  readonly domain: Domain;
  readonly tenant: string;
  readonly user: string;
  readonly smtpUtf8: boolean;
}

const NOT_ASCII = /[^\u0000-\u007f]/;

/** `events`: all of one report. Never empty. `at`: ms since 1970. */
export function dsnOf(
  events: readonly [Owing, ...Owing[]],
  back: Returned,
  domain: Domain,
  options: FeedbackOptions,
  at: number,
): Notification {
  const [{ dsn, reversePath, tenant, user, messageId, acceptedAt }] = events;
  const to = reversePath as Mailbox;
  const smtpUtf8 = NOT_ASCII.test(to);
  const content = buildDsn({
    hostName: options.hostName,
    id: dsn.id,
    at,
    to,
    arrivedAt: acceptedAt,
    messageId,
    recipients: events.map(recipientOf),
    ...back,
    ...(dsn.envid !== undefined && { envid: dsn.envid }),
    ...(smtpUtf8 && { smtpUtf8 }),
  });
  return { message: messageOf({ id: dsn.id, to, domain, tenant, user, smtpUtf8 }, content, options, at), content };
}

export function digestOf(
  id: MessageId,
  period: Period & { readonly more: Summary },
  domain: Domain,
  options: FeedbackOptions,
  at: number,
): Notification {
  const { reversePath, sent, more } = period;
  const to = reversePath as Mailbox;
  const smtpUtf8 = NOT_ASCII.test(to);
  const byCount = (entries: Readonly<Record<string, number>>): [string, number][] =>
    Object.entries(entries).sort(([, a], [, b]) => b - a);
  const content = buildDigest({
    hostName: options.hostName,
    id,
    at,
    to,
    sent,
    firstAt: more.firstAt,
    lastAt: more.lastAt,
    recipients: more.recipients,
    kinds: byCount(more.kinds).map(([kind, count]) => [kindInWords(kind), count]),
    reasons: byCount(more.categories).map(([category, count]) => [reasonOf(category), count]),
    first: more.first,
    ...(smtpUtf8 && { smtpUtf8 }),
  });
  const { tenant, user } = more;
  return { message: messageOf({ id, to, domain, tenant, user, smtpUtf8 }, content, options, at), content };
}

function recipientOf(event: Owing): DsnRecipient {
  const { dsn, reply, remote, instants } = event;
  // What routing says of itself has the form of a reply too, and is ours.
  const isTheirs = reply !== undefined && event.decidedAt !== 'dns';
  const codes = (line: string): string => [reply?.code, reply?.enhanced, line].filter(Boolean).join(' ');
  return {
    mailbox: event.forwardPath,
    action: dsn.kind,
    status: statusOf(event, dsn.kind),
    explanation: explanationOf(dsn.kind, event),
    ...(dsn.orcpt !== undefined && { orcpt: dsn.orcpt }),
    ...(isTheirs && { diagnostic: reply.lines.map(codes) }),
    ...(remote !== undefined && { remoteMta: remote.host }),
    ...(event.attempts > 0 && { lastAttemptAt: instants?.done ?? event.at }),
    ...(dsn.expiresAt !== undefined && { willRetryUntil: dsn.expiresAt }),
  };
}

/** The claim of its key keeps it from being taken twice (DESIGN section 3): no user can use a key with a tab. */
export function keyOf(id: MessageId): string {
  return `\treport ${id}`;
}

function messageOf(owner: Owner, content: Buffer, options: FeedbackOptions, at: number): Message {
  const { hostName, system } = options;
  const headOctets = content.indexOf('\r\n\r\n') + 4;
  const body = content.subarray(headOctets);
  const fromDomain = hostName.toLowerCase() as Domain;
  const { selectors } = system.signing === undefined ? { selectors: [] } : signingOf(system.signing.table, fromDomain);
  const isSigned = selectors.length > 0;
  const isRelaxed = isSigned && system.signing?.isRelaxed === true;
  const validityMs = isSigned ? system.signing?.validityMs : undefined;
  const has8bit = content.some((octet) => octet > 127);
  return {
    id: owner.id,
    acceptedAt: at,
    tenant: owner.tenant,
    user: owner.user,
    stream: SYSTEM_STREAM,
    ...(system.pool !== undefined && { pool: system.pool }),
    lifetimeMs: system.lifetimeMs,
    idempotencyKey: keyOf(owner.id),
    reversePath: '',
    // RFC 3461 section 6.2: nobody is to be told of a report that fails.
    forwardPaths: [{ mailbox: owner.to, domain: owner.domain, notify: 'never' }],
    body: has8bit ? '8bitmime' : '7bit',
    smtpUtf8: owner.smtpUtf8,
    requireTls: false,
    size: content.length,
    sha256: sha256(content, 'hex'),
    // The body ends with one CRLF: as it is, it is in the simple form.
    bodySha256: sha256(body, 'base64'),
    ...(isRelaxed && { bodyRelaxedSha256: relaxed(body) }),
    has8bit,
    has8bitHeader: content.subarray(0, headOctets).some((octet) => octet > 127),
    fromDomain,
    ...(system.fromRoutes.some((form) => domainMatches(fromDomain, form)) && { byFrom: true as const }),
    ...(isSigned && { selectors }),
    ...(validityMs !== undefined && { signatureMs: validityMs }),
    origin: 'dsn',
  };
}

function sha256(octets: Buffer, form: 'hex' | 'base64'): string {
  return createHash('sha256').update(octets).digest(form);
}

function relaxed(body: Buffer): string {
  const hash = new RelaxedBodyHash();
  hash.update(body);
  return hash.digest();
}
