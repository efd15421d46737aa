// What a server offers in its EHLO reply (RFC 5321 section 4.1.1.1). Unknown keywords are left alone.
import type { Reply } from '../flow/reply.ts';

export interface Offer {
  readonly pipelining: boolean;
  /** RFC 1870; absent: not offered, or offered without a limit. */
  readonly sizeMax?: number;
  readonly size: boolean;
  readonly eightBitMime: boolean;
  readonly smtpUtf8: boolean;
  readonly dsn: boolean;
  readonly startTls: boolean;
  readonly requireTls: boolean;
  /** SASL mechanisms, upper case. */
  readonly auth: readonly string[];
}

export const NO_OFFER: Offer = {
  pipelining: false,
  size: false,
  eightBitMime: false,
  smtpUtf8: false,
  dsn: false,
  startTls: false,
  requireTls: false,
  auth: [],
};

export function readOffer(reply: Reply): Offer {
  const words = new Map<string, string>();
  for (const line of reply.lines.slice(1)) {
    const [, keyword, parameters] = /^([A-Za-z0-9-]+)[ =]?(.*)$/.exec(line) ?? [];
    if (keyword !== undefined) words.set(keyword.toUpperCase(), parameters ?? '');
  }
  const size = words.get('SIZE');
  const sizeMax = size !== undefined && /^\d{1,15}$/.test(size.trim()) ? Number(size) : 0;
  return {
    pipelining: words.has('PIPELINING'),
    size: size !== undefined,
    ...(sizeMax > 0 && { sizeMax }),
    eightBitMime: words.has('8BITMIME'),
    smtpUtf8: words.has('SMTPUTF8'),
    dsn: words.has('DSN'),
    startTls: words.has('STARTTLS'),
    requireTls: words.has('REQUIRETLS'),
    auth: (words.get('AUTH') ?? '').toUpperCase().split(/\s+/).filter(Boolean),
  };
}
