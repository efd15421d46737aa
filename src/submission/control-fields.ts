// What an application asks for in control header fields, checked: a wrong value is refused at once, since a mail that
// goes out on another stream or at another time than asked for is worse than one that does not go.
import type { ControlNames, SubmissionOptions } from './options.ts';
import { headerFault, type SmtpReply } from './smtp-reply.ts';

export interface ControlFields {
  readonly stream?: string;
  readonly campaign?: string;
  readonly pool?: string;
  /** ms since 1970. */
  readonly notBefore?: number;
  readonly idempotencyKey?: string;
  readonly trace?: string;
}

const KEY_OCTETS_MAX = 128;
/** Printable ASCII without spaces at the ends, which unfolding has taken away. */
const PRINTABLE = /^[ -~]+$/;
/** RFC 3339 section 5.6; the zone is not optional. */
const INSTANT = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)$/;
/** RFC 5322 section 3.3 without its obsolete forms and comments: what mail libraries write. */
const DATE_TIME = /^(?:[A-Za-z]{3}, ?)?\d{1,2} [A-Za-z]{3} \d{4} \d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|GMT)$/;

/** ms since 1970, or NaN. */
function instantOf(value: string): number {
  if (INSTANT.test(value)) return Date.parse(value.replace(' ', 'T').toUpperCase());
  return DATE_TIME.test(value) ? Date.parse(value) : Number.NaN;
}
/** W3C Trace Context section 3.2, version 00. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Lower-case field name → key of ControlFields. */
export function controlIndex(names: ControlNames): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(names).flatMap(([key, list]: [string, readonly string[]]) =>
      list.map((name): [string, string] => [name.toLowerCase(), key]),
    ),
  );
}

function label(value: string): string | undefined {
  return value.length <= KEY_OCTETS_MAX && PRINTABLE.test(value) ? value : undefined;
}

/** `values`: as readHeaderSection gave them. */
export function readControlFields(
  values: ReadonlyMap<string, string>,
  options: Pick<SubmissionOptions, 'streams' | 'pools'>,
): ControlFields | SmtpReply {
  if (values.size === 0) return {};
  const fields: { -readonly [Key in keyof ControlFields]: ControlFields[Key] } = {};
  for (const [key, value] of values) {
    switch (key) {
      case 'stream':
        if (!Object.hasOwn(options.streams, value)) return headerFault('The header asks for an unknown stream');
        fields.stream = value;
        break;
      case 'pool':
        if (label(value) === undefined || options.pools?.includes(value) === false)
          return headerFault('The header asks for an unknown pool');
        fields.pool = value;
        break;
      case 'campaign':
        if (label(value) === undefined) return headerFault('Campaign: 1 to 128 printable ASCII characters');
        fields.campaign = value;
        break;
      case 'idempotencyKey':
        if (label(value) === undefined) return headerFault('Idempotency key: 1 to 128 printable ASCII characters');
        fields.idempotencyKey = value;
        break;
      case 'notBefore': {
        const at = instantOf(value);
        if (Number.isNaN(at)) return headerFault('Not-before: a time as in RFC 3339 or RFC 5322, with its zone');
        fields.notBefore = at;
        break;
      }
      case 'trace':
        // The standard: what cannot be read is ignored.
        if (TRACEPARENT.test(value)) fields.trace = value;
        break;
    }
  }
  return fields;
}
