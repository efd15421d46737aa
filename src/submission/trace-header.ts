// The header fields we put in front of a message: Received (RFC 5321 section 4.4), and Date and Message-ID when the
// client left them out (RFC 6409 section 8).
import { isIP } from 'node:net';
import type { MessageId } from '../flow/message.ts';
import { formatDate } from '../mail/date.ts';

export interface TraceFacts {
  readonly mode: 'full' | 'anonymous' | 'none';
  readonly hostName: string;
  readonly id: MessageId;
  /** ms since 1970. */
  readonly now: number;
  /** What the client called itself, not believed. */
  readonly helloName: string;
  readonly isExtended: boolean;
  /** As an address literal without brackets. */
  readonly literal: string;
  readonly isSecure: boolean;
  readonly isAuthenticated: boolean;
  readonly smtpUtf8: boolean;
}

/** RFC 5321 section 4.1.3, without brackets. */
export function addressLiteral(address: string): string {
  return isIP(address) === 6 ? `IPv6:${address}` : address;
}

/** RFC 3848, RFC 6531 section 4.3. */
function protocol(facts: TraceFacts): string {
  if (!facts.isExtended) return 'SMTP';
  const name = facts.smtpUtf8 ? 'UTF8SMTP' : 'ESMTP';
  return `${name}${facts.isSecure ? 'S' : ''}${facts.isAuthenticated ? 'A' : ''}`;
}

/** Only names that cannot change the field's structure are repeated. */
const PLAIN_NAME = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253})|\[[A-Za-z0-9.:]{2,60}\])$/;

/** With CRLF at its end; '' when the mode is none. */
export function receivedField(facts: TraceFacts): string {
  if (facts.mode === 'none') return '';
  const by = `by ${facts.hostName} with ${protocol(facts)} id ${facts.id};\r\n\t${formatDate(facts.now)}\r\n`;
  if (facts.mode === 'anonymous') return `Received: ${by}`;
  const name = PLAIN_NAME.test(facts.helloName) ? facts.helloName : 'unknown';
  return `Received: from ${name} ([${facts.literal}])\r\n\t${by}`;
}

export function missingFields(facts: TraceFacts, has: { hasDate: boolean; hasMessageId: boolean }): string {
  const date = has.hasDate ? '' : `Date: ${formatDate(facts.now)}\r\n`;
  return has.hasMessageId ? date : `${date}Message-ID: <${facts.id}@${facts.hostName}>\r\n`;
}
