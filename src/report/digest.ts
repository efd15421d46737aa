// One mail instead of many reports: how many there would have been, why, and the first of them by name. For people, so
// it is plain text; a machine part of RFC 3464 can only speak of one message. Pure.
import { formatDate } from '../mail/date.ts';
import { safe, shortened } from './plain-text.ts';
import { quotedPrintable } from './quoted-printable.ts';

export interface DigestTerms {
  /** Host name of this relay. */
  readonly hostName: string;
  readonly id: string;
  /** ms since 1970. */
  readonly at: number;
  readonly to: string;
  /** Reports that were sent one by one in the same period. */
  readonly sent: number;
  /** ms since 1970. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** Deliveries that are summed up. */
  readonly recipients: number;
  /** What became of them, and how many. */
  readonly kinds: readonly (readonly [kind: string, count: number])[];
  /** Why, in plain words, and how many. */
  readonly reasons: readonly (readonly [reason: string, count: number])[];
  readonly first: readonly { readonly messageId: string; readonly mailbox: string; readonly reply: string }[];
  /** The mailboxes need it in the header. */
  readonly smtpUtf8?: boolean;
}

const TEXT_OCTETS_MAX = 800;

function forPeople(terms: DigestTerms): readonly string[] {
  const { recipients, sent, kinds, reasons, first } = terms;
  return [
    `This is the mail relay ${safe(terms.hostName)}.`,
    '',
    `You had ${sent} reports of single messages from it, which is as many as it sends you in that time.`,
    `This one sums up ${recipients} more ${recipients === 1 ? 'delivery' : 'deliveries'}, from ${formatDate(terms.firstAt)}`,
    `to ${formatDate(terms.lastAt)}:`,
    '',
    ...kinds.map(([kind, count]) => `  ${count} ${kind}`),
    '',
    'Why:',
    '',
    ...reasons.map(([reason, count]) => `  ${count}: ${shortened(safe(reason), TEXT_OCTETS_MAX)}`),
    '',
    first.length < recipients ? `The first ${first.length} of them:` : 'They are:',
    '',
    ...first.flatMap(({ messageId, mailbox, reply }) => [
      `  ${shortened(safe(mailbox), TEXT_OCTETS_MAX)} (message ${shortened(safe(messageId), 50)})`,
      `    ${shortened(safe(reply), TEXT_OCTETS_MAX)}`,
    ]),
    '',
    'The operator of the relay has all of them in its accounting files. So many failures mean that the list of',
    'recipients is old, or that providers refuse the sender: find out which before the next mailing.',
  ];
}

/** Canonical CRLF. Sent with the null reverse-path, as reports are. */
export function buildDigest(terms: DigestTerms): Buffer {
  const isUtf8 = terms.smtpUtf8 === true;
  const text = Buffer.from(`${forPeople(terms).join('\r\n')}\r\n`);
  const isPlain = !text.some((octet) => octet > 127);
  const encoding = isPlain ? '7bit' : isUtf8 ? '8bit' : 'quoted-printable';
  const head = [
    `From: Mail relay <postmaster@${safe(terms.hostName)}>`,
    `To: <${safe(terms.to)}>`,
    `Subject: ${terms.recipients} more delivery report${terms.recipients === 1 ? '' : 's'} in one`,
    `Date: ${formatDate(terms.at)}`,
    `Message-ID: <${terms.id}@${safe(terms.hostName)}>`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Transfer-Encoding: ${encoding}`,
    '',
    '',
  ].join('\r\n');
  return Buffer.concat([
    Buffer.from(head),
    encoding === 'quoted-printable' ? Buffer.from(quotedPrintable(text)) : text,
  ]);
}
