// What a client says about the suppression list, read into the entries that the scheduler takes: addresses made
// comparable, scopes and words checked, whatever is left out filled in.
import { isSuppressionScope } from '../policy/suppression.ts';
import { parseComparableAddress } from '../mail/comparable-address.ts';
import { parseDomain } from '../mail/domain.ts';
import { parseMessageId } from '../flow/message-id.ts';
import { NOTE_CHARS_MAX, REPLY_CHARS_MAX, type Suppression, type SuppressionFilter } from '../flow/suppression.ts';
import type { SuppressionInput } from './api.ts';
import { Refused } from './http-server.ts';

const text = (maxLength: number): object => ({ type: 'string', maxLength });
const instant = { type: 'integer', minimum: 0, maximum: 8.64e15 };
const ADDRESS_CHARS_MAX = 400;
const ENTRY = {
  type: 'object',
  required: ['address'],
  properties: {
    address: text(ADDRESS_CHARS_MAX),
    scope: text(400),
    reason: { type: 'string', pattern: '^[a-z0-9-]{1,40}$' },
    at: instant,
    until: instant,
    by: { type: 'string', pattern: '^(?:operator|rule .{1,100})$' },
    soft: { type: 'boolean' },
    message_id: text(26),
    reply: text(REPLY_CHARS_MAX),
    note: text(NOTE_CHARS_MAX),
  },
  additionalProperties: false,
};
/** Of one request; the body's octets are the narrower bound. */
const ENTRIES_MAX = 5000;

export const ADD = {
  type: 'object',
  required: ['entries'],
  properties: { entries: { type: 'array', maxItems: ENTRIES_MAX, items: ENTRY } },
  additionalProperties: false,
};
export const REMOVE = {
  type: 'object',
  required: ['address'],
  properties: { address: text(ADDRESS_CHARS_MAX), scope: text(400) },
  additionalProperties: false,
};
export const FIND = {
  type: 'object',
  required: ['address'],
  properties: { address: text(ADDRESS_CHARS_MAX) },
  additionalProperties: false,
};
/** A query is text. */
export const LIST = {
  type: 'object',
  properties: {
    from: { type: 'string', pattern: '^[0-9]{1,5}$' },
    limit: { type: 'string', pattern: '^[1-9][0-9]{0,3}$' },
    scope: text(400),
    reason: text(40),
    domain: text(255),
  },
  additionalProperties: false,
};

export function entryOf(input: SuppressionInput, now: number): Suppression {
  const { until, soft, message_id: id, reply, note } = input;
  const messageId = id === undefined ? undefined : parseMessageId(id);
  if (id !== undefined && messageId === undefined) throw wrong(`'${id}' is not a message id`);
  return {
    address: addressOf(input.address),
    scope: input.scope === undefined ? 'global' : scopeOf(input.scope),
    reason: input.reason ?? 'operator',
    at: seconds(input.at ?? now),
    ...(until === undefined ? {} : { until: seconds(until) }),
    by: input.by ?? 'operator',
    ...(soft === true ? { isSoft: true } : {}),
    ...(messageId === undefined ? {} : { messageId }),
    ...(reply === undefined || reply === '' ? {} : { reply }),
    ...(note === undefined || note === '' ? {} : { note }),
  };
}

export function addressOf(given: string): string {
  return parseComparableAddress(given) ?? refuseAddress(given);
}

function refuseAddress(given: string): never {
  throw wrong(`'${given.slice(0, 100)}' is not a mailbox, such as somebody@example.com`);
}

export function scopeOf(given: string): string {
  if (isSuppressionScope(given)) return given;
  throw wrong(`'${given}' is no scope: global, tenant/NAME or stream/TENANT/NAME`);
}

export function filterOf(query: {
  readonly scope?: string;
  readonly reason?: string;
  readonly domain?: string;
}): SuppressionFilter {
  const { scope, reason, domain } = query;
  const parsed = domain === undefined ? undefined : parseDomain(domain);
  if (domain !== undefined && parsed === undefined) throw wrong(`'${domain}' is not a domain`);
  return {
    ...(scope === undefined ? {} : { scope: scopeOf(scope) }),
    ...(reason === undefined ? {} : { reason }),
    ...(parsed === undefined ? {} : { domain: parsed }),
  };
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

function wrong(message: string): Refused {
  return new Refused('bad-request', message);
}
