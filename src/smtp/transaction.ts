// One MAIL … end of data, as the client needs it: what it asks of the server, and its commands.
import type { AttemptError } from '../flow/attempt.ts';
import type { Mailbox, Notify, ReversePath } from '../flow/message.ts';
import type { Offer } from './extensions.ts';

export interface Recipient {
  /** Index of the delivery: comes back in its result. */
  readonly index: number;
  readonly mailbox: Mailbox;
  readonly notify?: Notify;
  /** xtext, as received. */
  readonly orcpt?: string;
}

export interface Transaction {
  readonly id: string;
  readonly reversePath: ReversePath;
  /** Never empty. */
  readonly recipients: readonly Recipient[];
  /** Octets of what is sent, before dot stuffing. */
  readonly size: number;
  readonly has8bit: boolean;
  /** Declared BODY=8BITMIME, whatever it holds. */
  readonly is8bitMime: boolean;
  /** The header section has UTF-8 and the client said SMTPUTF8. */
  readonly hasUtf8Header: boolean;
  readonly requireTls: boolean;
  readonly ret?: 'full' | 'hdrs';
  readonly envid?: string;
}

/** How the connection is protected. */
export type Security = 'plain' | 'encrypted' | 'verified';

const NOT_ASCII = /[^\u0000-\u007f]/;
// A mailbox was parsed when it was accepted; should one ever hold a line end, it must not become a command.
const CONTROL = /[\u0000-\u001f\u007f]/;

function needsUtf8(transaction: Transaction): boolean {
  if (transaction.hasUtf8Header || NOT_ASCII.test(transaction.reversePath)) return true;
  return transaction.recipients.some((recipient) => NOT_ASCII.test(recipient.mailbox));
}

/** What this server cannot do and the transaction needs; undefined: it can be begun. */
export function findObstacle(transaction: Transaction, offer: Offer, security: Security): AttemptError | undefined {
  if (transaction.requireTls && !(offer.requireTls && security === 'verified')) {
    // RFC 8689 section 4.2.1: TLS, a certificate that holds, and the extension.
    const text =
      security === 'plain'
        ? 'the message asks for REQUIRETLS and the connection has no TLS'
        : security === 'encrypted'
          ? "the message asks for REQUIRETLS and the server's certificate could not be verified"
          : 'the message asks for REQUIRETLS and the server does not offer it';
    return { kind: 'no-requiretls', text };
  }
  if (needsUtf8(transaction) && !offer.smtpUtf8) {
    return { kind: 'no-smtputf8', text: 'the message needs SMTPUTF8 and the server does not offer it' };
  }
  if (transaction.has8bit && !offer.eightBitMime) {
    return { kind: 'no-8bitmime', text: 'the message has 8-bit content and the server does not offer 8BITMIME' };
  }
  if (offer.sizeMax !== undefined && transaction.size > offer.sizeMax) {
    return { kind: 'too-large', text: `${transaction.size} octets, and the server takes at most ${offer.sizeMax}` };
  }
  const unsafe = (recipient: Recipient): boolean =>
    CONTROL.test(recipient.mailbox) || CONTROL.test(recipient.orcpt ?? '');
  if (CONTROL.test(`${transaction.reversePath}${transaction.envid ?? ''}`) || transaction.recipients.some(unsafe)) {
    return { kind: 'protocol', text: 'the envelope has control octets' };
  }
  return undefined;
}

/** Only for a transaction without obstacle. */
export function mailCommand(transaction: Transaction, offer: Offer): string {
  let line = `MAIL FROM:<${transaction.reversePath}>`;
  if (offer.size) line += ` SIZE=${transaction.size}`;
  if (offer.eightBitMime && (transaction.has8bit || transaction.is8bitMime)) line += ' BODY=8BITMIME';
  if (offer.smtpUtf8 && needsUtf8(transaction)) line += ' SMTPUTF8';
  if (offer.dsn && transaction.ret !== undefined) line += ` RET=${transaction.ret.toUpperCase()}`;
  if (offer.dsn && transaction.envid !== undefined) line += ` ENVID=${transaction.envid}`;
  if (transaction.requireTls) line += ' REQUIRETLS';
  return `${line}\r\n`;
}

export function rcptCommand(recipient: Recipient, offer: Offer): string {
  let line = `RCPT TO:<${recipient.mailbox}>`;
  const { notify, orcpt } = recipient;
  if (offer.dsn && notify !== undefined) {
    line += ` NOTIFY=${notify === 'never' ? 'NEVER' : notify.join(',').toUpperCase()}`;
  }
  if (offer.dsn && orcpt !== undefined) line += ` ORCPT=${orcpt}`;
  return `${line}\r\n`;
}
