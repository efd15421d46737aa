// The spool keeps the last reply of a waiting delivery as one line; when it expires that line is its reason. Reads the
// line back: `CODE [ENHANCED] TEXT` of a reply, `KIND: TEXT` of an error.
import type { AttemptError } from '../flow/attempt.ts';
import type { Reply } from '../flow/reply.ts';

const REPLY = /^([2-5]\d\d)(?: ([245]\.\d{1,3}\.\d{1,3}))?(?: (.*))?$/s;
const ERROR = /^([a-z0-9-]+): (.*)$/s;

const KINDS: Readonly<Record<AttemptError['kind'], true>> = {
  refused: true,
  unreachable: true,
  timeout: true,
  closed: true,
  protocol: true,
  tls: true,
  'forbidden-address': true,
  'no-8bitmime': true,
  'no-smtputf8': true,
  'no-requiretls': true,
  'too-large': true,
  damaged: true,
  'no-key': true,
  lost: true,
};

export type LastReply = { readonly reply: Reply } | { readonly error: AttemptError };

export function parseLastReply(line: string | undefined): LastReply | undefined {
  if (line === undefined) return undefined;
  const reply = REPLY.exec(line);
  if (reply !== null) {
    const [, code, enhanced, text = ''] = reply;
    return { reply: { code: Number(code), lines: [text], ...(enhanced === undefined ? {} : { enhanced }) } };
  }
  const error = ERROR.exec(line);
  if (error === null) return undefined;
  const [, kind = '', text = ''] = error;
  return Object.hasOwn(KINDS, kind) ? { error: { kind: kind as AttemptError['kind'], text } } : undefined;
}
