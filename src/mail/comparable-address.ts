// The one form in which two spellings of a mailbox are compared: domain as lower-case A-labels, local part without
// case and without needless quotes. Providers' own habits (dots, +tags) are left alone: a mailbox that only looks like
// another one must not be taken for it.
import type { Domain, Mailbox } from '../flow/message.ts';
import { parseAddress } from './address.ts';

/** RFC 5321 section 4.1.2 Dot-string: what needs no quotes. */
const NEEDS_NO_QUOTES = /^[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+)*$/;
const NON_ASCII = /[^\x00-\x7f]/;

/**
 * RFC 5321 section 2.4 leaves the case of a local part to its host, and asks hosts not to tell mailboxes apart by it; no
 * provider does. RFC 6532 section 3.1: NFC.
 */
export function comparableAddress(mailbox: Mailbox, domain: Domain): string {
  const local = mailbox.slice(0, mailbox.lastIndexOf('@'));
  const folded = (NON_ASCII.test(local) ? local.normalize('NFC') : local).toLowerCase();
  return `${folded.startsWith('"') ? requoted(folded) : folded}@${domain.toLowerCase()}`;
}

/** RFC 5321 section 4.1.2: quotes and backslashes are not part of the name they stand around. */
function requoted(quoted: string): string {
  const name = quoted.slice(1, -1).replace(/\\(.)/gs, '$1');
  return NEEDS_NO_QUOTES.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`;
}

/** What a person or a file gives, angle brackets allowed; undefined: no mailbox. */
export function parseComparableAddress(text: string): string | undefined {
  const trimmed = text.trim();
  const bare = trimmed.startsWith('<') && trimmed.endsWith('>') ? trimmed.slice(1, -1) : trimmed;
  if (bare === '') return undefined;
  const parsed = parseAddress(bare, true);
  return typeof parsed === 'string' ? undefined : comparableAddress(parsed.mailbox, parsed.domain);
}
