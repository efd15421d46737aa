// The suppression list stands in 65,536 pages, one state value each (`suppress/PAGE`): an address has its place by a
// hash that is keyed with the spool's own salt, so that nobody can choose addresses that fill one page. A page is
// compressed: a million entries with their replies take less than 200 MB, journal and index together.
import { createHash } from 'node:crypto';
import { crc32, deflateRawSync, inflateRawSync, inflateSync } from 'node:zlib';
import type { MessageId } from '../flow/message.ts';
import type { Suppression } from '../flow/suppression.ts';

export const PAGES = 65_536;
/** Of this form: version, CRC of the text, the text compressed. A page of a newer one is not read. */
const VERSION = 2;
const HEAD_OCTETS = 5;
/** Read, and never written any more: the Adler-32 of zlib's own form lets some damaged pages pass. */
const VERSION_ADLER = 1;
/** A page of ours is far below: what inflates to more is damaged. */
const PAGE_OCTETS_MAX = 64 * 1024 * 1024;

export interface Place {
  /** 0 to PAGES - 1. */
  readonly page: number;
  /** 32 bits more of the same hash: tells most addresses that are not in the page without reading it. */
  readonly print: number;
}

export function placeOf(address: string, salt: string): Place {
  const digest = createHash('sha256').update(salt).update(address).digest();
  return { page: digest.readUInt16BE(0), print: digest.readUInt32BE(2) };
}

/** Name of the state that holds a page. */
export function pageKey(page: number): string {
  return `${PAGE_PREFIX}${page.toString(16).padStart(4, '0')}`;
}

export const PAGE_PREFIX = 'suppress/';

/** What the entries of most pages have in common. Part of the form: never changed, only followed by another version. */
const DICTIONARY = Buffer.from(
  [
    'Recipient address rejected: undeliverable address: host said: 552 5.2.2 554 5.7.1 451 4.2.2 mailbox is full over ',
    "quota exceeded The recipient's inbox is out of storage space 550 5.2.1 The email account that you tried to reach ",
    'is disabled inactive. Please direct the recipient to 550 5.4.1 Recipient address rejected: Access denied. 550-5.1.1 ',
    "double-checking the recipient's email address for typos or unnecessary spaces. Learn more at gsmtp 554 delivery ",
    "error: dd This user doesn't have an account 550 5.7.1 Requested action not taken: mailbox unavailable 550 5.1.1 ",
    'User unknown No such user here mailbox not found does not exist 550 5.1.1 The email account that you tried to ',
    'reach does not exist. Please try @hotmail.com @outlook.com @yahoo.com @gmail.com","global","tenant/default',
    '","complaint","unsubscribe","operator","recipient-refused","recipient-full","recipient-disabled","',
    '"],["","global","recipient-unknown","rule iana ',
  ].join(''),
  'utf8',
);

type Row = readonly [
  address: string,
  scope: string,
  reason: string,
  by: string,
  atS: number,
  untilS: number,
  isSoft: 0 | 1,
  messageId: string,
  reply: string,
  note: string,
];

/** undefined: an empty page is none. */
export function encodePage(entries: readonly Suppression[]): string | undefined {
  if (entries.length === 0) return undefined;
  const text = Buffer.from(JSON.stringify(entries.map(rowOf)), 'utf8');
  const head = Buffer.alloc(HEAD_OCTETS);
  head.writeUInt8(VERSION);
  head.writeUInt32BE(crc32(text), 1);
  return Buffer.concat([head, deflateRawSync(text, { dictionary: DICTIONARY })]).toString('base64');
}

/** undefined: damaged (the form has a checksum), or of a newer form. */
export function decodePage(value: unknown): readonly Suppression[] | undefined {
  if (value === undefined) return [];
  if (typeof value !== 'string') return undefined;
  try {
    const text = textOf(Buffer.from(value, 'base64'));
    return text && (JSON.parse(text.toString('utf8')) as Row[]).map(entryOf);
  } catch {
    return undefined;
  }
}

/** Throws when it is no compressed text. */
function textOf(octets: Buffer): Buffer | undefined {
  const options = { dictionary: DICTIONARY, maxOutputLength: PAGE_OCTETS_MAX };
  if (octets[0] === VERSION_ADLER) return inflateSync(octets.subarray(1), options);
  if (octets[0] !== VERSION) return undefined;
  const text = inflateRawSync(octets.subarray(HEAD_OCTETS), options);
  return crc32(text) === octets.readUInt32BE(1) ? text : undefined;
}

function rowOf(entry: Suppression): Row {
  const { address, scope, reason, by, at, until, isSoft, messageId, reply, note } = entry;
  const atS = Math.floor(at / 1000);
  const untilS = until === undefined ? 0 : Math.floor(until / 1000);
  return [address, scope, reason, by, atS, untilS, isSoft ? 1 : 0, messageId ?? '', reply ?? '', note ?? ''];
}

function entryOf([address, scope, reason, by, atS, untilS, isSoft, messageId, reply, note]: Row): Suppression {
  return {
    address,
    scope,
    reason,
    at: atS * 1000,
    ...(untilS === 0 ? {} : { until: untilS * 1000 }),
    by,
    ...(isSoft === 1 ? { isSoft: true } : {}),
    ...(messageId === '' ? {} : { messageId: messageId as MessageId }),
    ...(reply === '' ? {} : { reply }),
    ...(note === '' ? {} : { note }),
  };
}
