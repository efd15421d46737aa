// The rows of the index: keys and values, octet by octet as README.md says. A key begins with the octet of its table;
// numbers are big-endian, so that octets sort as the values do. Ids stand as their 26 characters.
import type { Location, MessageId } from '../flow/message.ts';
import type { Due } from '../flow/spool.ts';

export const TABLE = {
  meta: 1,
  segment: 2,
  queue: 3,
  /** What must be known of a message to settle a delivery: fixed and small. */
  live: 4,
  /** The message itself, JSON. */
  message: 5,
  delivery: 6,
  order: 7,
  expiry: 8,
  claim: 9,
  claimTime: 10,
  state: 11,
} as const;
export type Table = keyof typeof TABLE;

const ID_OCTETS = 26;
const DUE_OCTETS = 6 + ID_OCTETS + 2;
/** LMDB takes keys of up to 1,978 octets. */
export const NAME_OCTETS_MAX = 1024;

export interface LiveRow {
  /** Deliveries that wait. */
  readonly left: number;
  readonly expiresAt: number;
  readonly location: Location;
  /** The content lies in `large/<id>`. */
  readonly ownFile: boolean;
}

export interface DeliveryRow {
  readonly dueAt: number;
  readonly attempts: number;
  readonly queueId: number;
  readonly lastReply?: string;
}

export function tableStart(table: Table): Buffer {
  return Buffer.from([TABLE[table]]);
}

export function tableEnd(table: Table): Buffer {
  return Buffer.from([TABLE[table] + 1]);
}

export function nameKey(table: Table, name: string): Buffer {
  return Buffer.from(`${String.fromCharCode(TABLE[table])}${name}`, 'utf8');
}

export function nameOf(key: Buffer): string {
  return key.toString('utf8', 1);
}

export function idKey(table: 'live' | 'message', id: MessageId): Buffer {
  const key = Buffer.allocUnsafe(1 + ID_OCTETS);
  key[0] = TABLE[table];
  key.write(id, 1, 'latin1');
  return key;
}

export function idOf(key: Buffer): MessageId {
  return key.toString('latin1', 1, 1 + ID_OCTETS) as MessageId;
}

export function deliveryKey(id: MessageId, index: number): Buffer {
  const key = Buffer.allocUnsafe(3 + ID_OCTETS);
  key[0] = TABLE.delivery;
  key.write(id, 1, 'latin1');
  key.writeUInt16BE(index, 1 + ID_OCTETS);
  return key;
}

export function indexOfDelivery(key: Buffer): number {
  return key.readUInt16BE(1 + ID_OCTETS);
}

export function queueIdKey(id: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = TABLE.queue;
  key.writeUInt32BE(id, 1);
  return key;
}

export function queueIdOf(key: Buffer): number {
  return key.readUInt32BE(1);
}

/** What the rows of one order begin with. */
export function orderPrefix(queueId: number): Buffer {
  const prefix = queueIdKey(queueId);
  prefix[0] = TABLE.order;
  return prefix;
}

export function dueKey(prefix: Buffer, due: Due): Buffer {
  const key = Buffer.allocUnsafe(prefix.length + DUE_OCTETS);
  let at = prefix.copy(key);
  at = key.writeUIntBE(due.dueAt, at, 6);
  at += key.write(due.messageId, at, 'latin1');
  key.writeUInt16BE(due.index, at);
  return key;
}

export function dueOf(prefix: Buffer, key: Buffer): Due {
  const at = prefix.length;
  return {
    dueAt: key.readUIntBE(at, 6),
    messageId: key.toString('latin1', at + 6, at + 6 + ID_OCTETS) as MessageId,
    index: key.readUInt16BE(at + 6 + ID_OCTETS),
  };
}

/** The key behind every key that begins with `prefix`. */
export function afterPrefix(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, Buffer.alloc(1, 255)]);
}

/** expiresAt u48, left u32, flags u8, offset u48, length u48, segment. */
export function encodeLive(row: LiveRow): Buffer {
  const { segment, offset, length } = row.location;
  const value = Buffer.allocUnsafe(23 + segment.length);
  value.writeUIntBE(row.expiresAt, 0, 6);
  value.writeUInt32BE(row.left, 6);
  value[10] = row.ownFile ? 1 : 0;
  value.writeUIntBE(offset, 11, 6);
  value.writeUIntBE(length, 17, 6);
  value.write(segment, 23, 'latin1');
  return value;
}

export function decodeLive(value: Buffer): LiveRow {
  return {
    expiresAt: value.readUIntBE(0, 6),
    left: value.readUInt32BE(6),
    ownFile: value[10] === 1,
    location: {
      offset: value.readUIntBE(11, 6),
      length: value.readUIntBE(17, 6),
      segment: value.toString('latin1', 23),
    },
  };
}

/** dueAt u48, attempts u32, queue u32, last reply (empty: none). */
export function encodeDelivery(row: DeliveryRow): Buffer {
  const { lastReply = '' } = row;
  const value = Buffer.allocUnsafe(14 + Buffer.byteLength(lastReply));
  value.writeUIntBE(row.dueAt, 0, 6);
  value.writeUInt32BE(row.attempts, 6);
  value.writeUInt32BE(row.queueId, 10);
  value.write(lastReply, 14, 'utf8');
  return value;
}

export function decodeDelivery(value: Buffer): DeliveryRow {
  return {
    dueAt: value.readUIntBE(0, 6),
    attempts: value.readUInt32BE(6),
    queueId: value.readUInt32BE(10),
    ...(value.length > 14 ? { lastReply: value.toString('utf8', 14) } : {}),
  };
}

export function encodeJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

/** No JSON begins with it. */
const OCTETS = 0;
const BASE64 = /^[A-Za-z0-9+/]{64,}={0,2}$/;

/** JSON; a long text that is base64 (a page of the suppression list) as an octet 0 and the octets it stands for. */
export function encodeState(value: unknown): Buffer {
  if (typeof value === 'string' && value.length % 4 === 0 && BASE64.test(value)) {
    const octets = Buffer.from(value, 'base64');
    if (octets.toString('base64') === value) return Buffer.concat([Buffer.from([OCTETS]), octets]);
  }
  return encodeJson(value);
}

export function decodeState(row: Buffer): unknown {
  return row[0] === OCTETS ? row.toString('base64', 1) : decodeJson(row);
}

export function decodeJson(value: Buffer): unknown {
  return JSON.parse(value.toString('utf8')) as unknown;
}
