// Envelope addresses: the text between `<` and `>` of MAIL and RCPT as branded values. A mailbox is kept exactly as it
// was sent; only its routing domain is made canonical. RFC 5321 section 4.1.2, RFC 6531 section 3.3.
import type { Domain, Mailbox } from '../flow/message.ts';
import { parseDomain } from './domain.ts';

export interface Address {
  readonly mailbox: Mailbox;
  readonly domain: Domain;
}

/** syntax: not a mailbox · too-long: path over 256 octets · needs-smtputf8: not ASCII and SMTPUTF8 was not asked for. */
export type AddressFault = 'syntax' | 'too-long' | 'needs-smtputf8';

/** RFC 5321 section 4.5.3.1.3, without the angle brackets. */
const PATH_OCTETS_MAX = 254;
const NON_ASCII = /[^\x00-\x7f]/;
/** C0, DEL, C1, and what is invisible or turns the direction of writing: spoofs logs and people, names nobody. */
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff]/;
const DOT_STRING = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+)*$/;
const QUOTED = /^"(?:[ !#-[\]-~\u0080-\uffff]|\\[ -~])*"@/;
/** RFC 5321 section 4.1.2 A-d-l; ignored as appendix C asks. */
const SOURCE_ROUTE = /^@[^\s<>@,:]+(?:,@[^\s<>@,:]+)*:/;

/** Index of the `@` that separates the two, or -1. */
function separator(text: string): number {
  if (!text.startsWith('"')) {
    const at = text.indexOf('@');
    return at > 0 && DOT_STRING.test(text.slice(0, at)) ? at : -1;
  }
  const quoted = QUOTED.exec(text);
  return quoted === null ? -1 : quoted[0].length - 1;
}

/** `text`: what stood between the angle brackets, not empty. A source route is stripped. */
export function parseAddress(text: string, smtpUtf8: boolean): Address | AddressFault {
  if (Buffer.byteLength(text) > PATH_OCTETS_MAX) return 'too-long';
  if (UNSAFE.test(text)) return 'syntax';
  if (!smtpUtf8 && NON_ASCII.test(text)) return 'needs-smtputf8';
  const mailbox = text.startsWith('@') ? text.replace(SOURCE_ROUTE, '') : text;
  const at = separator(mailbox);
  if (at < 1) return 'syntax';
  const domain = parseDomain(mailbox.slice(at + 1));
  if (domain === undefined) return 'syntax';
  return { mailbox: mailbox as Mailbox, domain };
}
