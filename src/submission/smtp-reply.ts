// What submission answers. One place for codes and texts, so that the same trouble always reads the same. Texts are
// constant or made of our own values: nothing a client sent is ever repeated to it.
import type { Refusal } from '../flow/intake.ts';

export interface SmtpReply {
  readonly code: number;
  /** RFC 3463; absent where RFC 2034 asks for none (greeting, EHLO, 3xx). */
  readonly enhanced?: string;
  readonly text: string;
  /** Further lines of the same reply. */
  readonly more?: readonly string[];
  /** The connection ends after it. */
  readonly closes?: boolean;
}

/** True for a reply that says no. */
export function isRefusal(value: object): value is SmtpReply {
  return 'code' in value && 'text' in value;
}

const reply = (code: number, enhanced: string, text: string): SmtpReply => ({ code, enhanced, text });
const last = (code: number, enhanced: string, text: string): SmtpReply => ({ code, enhanced, text, closes: true });

export const REPLY = {
  flushed: reply(250, '2.0.0', 'Flushed'),
  noop: reply(250, '2.0.0', 'OK'),
  bye: last(221, '2.0.0', 'Bye'),
  vrfy: reply(252, '2.5.0', 'Not verified; send the message and see'),
  help: reply(214, '2.0.0', 'Postilion, an SMTP relay: see RFC 5321 and RFC 6409'),
  mailOk: reply(250, '2.1.0', 'OK'),
  rcptOk: reply(250, '2.1.5', 'OK'),
  goAhead: { code: 354, text: 'End data with <CR><LF>.<CR><LF>' },
  startTls: reply(220, '2.0.0', 'Ready to start TLS'),

  unknownCommand: reply(500, '5.5.2', 'Command not recognized'),
  notImplemented: reply(502, '5.5.1', 'Command not implemented'),
  lineTooLong: last(500, '5.5.2', 'Line too long'),
  controlInCommand: reply(501, '5.5.2', 'Control characters or invalid UTF-8 in command'),
  bareLfInCommand: last(501, '5.5.2', 'Bare LF: lines end with CRLF'),
  syntax: reply(501, '5.5.4', 'Syntax error in parameters'),
  noParameters: reply(501, '5.5.4', 'This command takes no parameters'),
  helloSyntax: reply(501, '5.5.4', 'Syntax: EHLO hostname'),
  helloFirst: reply(503, '5.5.1', 'Send EHLO first'),
  nestedMail: reply(503, '5.5.1', 'Transaction already begun'),
  mailFirst: reply(503, '5.5.1', 'Send MAIL first'),
  rcptFirst: reply(503, '5.5.1', 'No recipients; send RCPT first'),
  tlsActive: reply(503, '5.5.1', 'TLS already active'),
  authInTransaction: reply(503, '5.5.1', 'AUTH not permitted during a transaction'),
  alreadyAuthenticated: reply(503, '5.5.1', 'Already authenticated'),
  noTls: reply(502, '5.5.1', 'TLS not available'),
  authNeedsTls: reply(538, '5.7.11', 'Encryption required: send STARTTLS first'),
  authRequired: reply(530, '5.7.0', 'Authentication required'),
  tlsRequired: reply(530, '5.7.0', 'Send STARTTLS first'),
  pipelinedBehindData: last(421, '4.7.0', 'Content sent before DATA was granted, closing'),

  authMechanism: reply(504, '5.5.4', 'Mechanism not offered'),
  authFailed: reply(535, '5.7.8', 'Authentication failed'),
  authBusy: reply(454, '4.7.0', 'Too many logins at once, try again later'),
  authLimited: reply(454, '4.7.0', 'Too many failed logins, try again later'),
  authAway: reply(454, '4.7.0', 'Temporary authentication failure'),
  authTooMany: last(421, '4.7.0', 'Too many failed logins, closing'),

  tooManyJunk: last(421, '4.7.0', 'Too many commands without mail, closing'),
  tooManySessions: last(421, '4.7.0', 'Too many connections, try again later'),
  tooManySessionsHere: last(421, '4.7.0', 'Too many connections from your address'),
  timeout: last(421, '4.4.2', 'Timeout, closing'),
  tooSlow: last(421, '4.4.2', 'Data comes too slowly, closing'),
  sessionOver: last(421, '4.4.2', 'Session lasted too long, closing'),
  stopping: last(421, '4.3.2', 'Service is stopping, try again'),
  internal: last(421, '4.3.0', 'Internal error, closing'),

  senderDomain: reply(550, '5.7.1', 'You may not use this sender domain'),
  fromDomain: reply(550, '5.7.1', 'You may not use this From domain'),
  noKey: reply(550, '5.7.1', 'The From domain has no DKIM key here, and messages must be signed for it'),
  notFrom: reply(550, '5.7.1', 'From is missing or not one mailbox, and your From domains are restricted'),
  tooLarge: reply(552, '5.3.4', 'Message too large'),
  headerTooLarge: reply(552, '5.3.4', 'Header section too large'),
  tooManyRecipients: reply(452, '4.5.3', 'Too many recipients in this message; send the rest in another'),
  suppressed: reply(550, '5.7.1', 'This recipient is on the suppression list'),
  suppressedGone: reply(550, '5.1.1', 'This recipient is on the suppression list: no such mailbox'),
  rate: reply(450, '4.7.1', 'Your rate of messages is used up, try again later'),
  recipientsPerHour: reply(452, '4.5.3', 'Your recipients per hour are used up, try again later'),
  scheduler: reply(451, '4.3.0', 'Temporarily not able to take mail'),
  full: reply(452, '4.3.1', 'Insufficient storage, try again later'),
  slowSync: reply(451, '4.3.1', 'Storage is slow, try again later'),

  bareCr: last(550, '5.6.11', 'Bare CR in the message'),
  bareLf: last(550, '5.6.11', 'Bare LF in the message'),
  nul: last(550, '5.6.11', 'NUL in the message'),
  loop: reply(554, '5.4.6', 'Too many Received fields: mail loop'),
  twoFrom: reply(554, '5.6.0', 'More than one From field'),
  longLine: reply(554, '5.6.0', 'Line over 998 octets'),
  keyBusy: reply(451, '4.5.0', 'This idempotency key is being used by another session, try again later'),
  keyOtherEnvelope: reply(554, '5.6.0', 'This idempotency key was used for another envelope'),
} as const satisfies Readonly<Record<string, SmtpReply>>;

export const headerFault = (text: string): SmtpReply => reply(554, '5.6.0', text);
/** The id comes right after the enhanced code; clients keep it as the message's name. */
export const accepted = (id: string): SmtpReply => reply(250, '2.6.0', `${id} accepted`);

export function refusalReply(refusal: Refusal): SmtpReply {
  switch (refusal) {
    case 'disk':
    case 'queue':
      return REPLY.full;
    case 'slow-sync':
      return REPLY.slowSync;
    case 'scheduler':
      return REPLY.scheduler;
    case 'stopping':
      return REPLY.stopping;
  }
}

export function renderReply(value: SmtpReply): string {
  const text = value.enhanced === undefined ? value.text : `${value.enhanced} ${value.text}`;
  if (value.more === undefined) return `${value.code} ${text}\r\n`;
  const lines = [text, ...value.more];
  return lines.map((line, index) => `${value.code}${index < lines.length - 1 ? '-' : ' '}${line}\r\n`).join('');
}
