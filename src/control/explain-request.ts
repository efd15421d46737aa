// What `explain` may be asked: which mail, checked and made comparable.
import type { ExplainQuestion } from '../flow/explain.ts';
import { parseDomain } from '../mail/domain.ts';
import { NAME_CHARS_MAX } from './api.ts';
import { Refused } from './http-server.ts';
import { addressOf } from './suppression-request.ts';

const name = { type: 'string', minLength: 1, maxLength: NAME_CHARS_MAX };

export const EXPLAIN = {
  type: 'object',
  required: ['address'],
  properties: { address: name, tenant: name, stream: name, campaign: name, pool: name, from: name },
  additionalProperties: false,
};

/** Throws Refused when `address` is no mailbox, or `from` neither a domain nor an address. */
export function questionOf(query: Partial<ExplainQuestion>): ExplainQuestion {
  const { address = '', tenant = 'default', stream = 'default', campaign = '', pool = '', from } = query;
  return {
    address: addressOf(address),
    tenant,
    stream,
    campaign,
    pool,
    from: from === undefined ? '' : senderOf(from),
  };
}

function senderOf(given: string): string {
  const domain = parseDomain(given.slice(given.lastIndexOf('@') + 1));
  if (domain !== undefined) return domain;
  throw new Refused('bad-request', `'${given.slice(0, 100)}' is neither a domain nor an address, such as shop.example`);
}
