// DNS messages as octets and as values. The only place that knows dns-packet; whatever a server sends, the answer is
// a value or undefined, never an exception.
import { decode, encode, type Answer as PacketAnswer, RECURSION_DESIRED, TRUNCATED_RESPONSE } from 'dns-packet';

export type RecordType = 'MX' | 'A' | 'AAAA';

export interface MxRecord {
  readonly preference: number;
  /** Lower case, without the final dot; '' is the root (null MX, RFC 7505). */
  readonly exchange: string;
}

export interface DnsRecord {
  /** Owner, lower case, without the final dot. */
  readonly name: string;
  readonly ttl: number;
  readonly data:
    | { readonly type: 'MX'; readonly mx: MxRecord }
    | { readonly type: 'A' | 'AAAA'; readonly address: string }
    | { readonly type: 'CNAME'; readonly target: string };
}

export interface DnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  readonly isTruncated: boolean;
  /** The resolver checked DNSSEC (RFC 4035); worth something only from a resolver on this host. */
  readonly isAuthentic: boolean;
  readonly rcode: number;
  readonly question?: { readonly name: string; readonly type: string };
  readonly answers: readonly DnsRecord[];
  /** Seconds for which an absence may be kept (RFC 2308 section 5); absent without SOA. */
  readonly negativeTtl?: number;
}

/** What fits a datagram without fragments (DNS flag day 2020). */
const UDP_OCTETS_MAX = 1232;
const AUTHENTIC = 1 << 5;
/** More of one answer is not looked at: an MX set or an address set of this size is no honest one. */
const ANSWERS_MAX = 1000;

/** A name that can be asked: RFC 1035 lengths. */
export function isAskable(name: string): boolean {
  return name.length > 0 && name.length <= 253 && name.split('.').every((part) => part.length > 0 && part.length <= 63);
}

export function encodeQuery(id: number, name: string, type: RecordType): Buffer {
  return encode({
    type: 'query',
    id,
    // AD in a question asks for AD in the answer, without the DNSSEC records (RFC 6840 section 5.7).
    flags: RECURSION_DESIRED | AUTHENTIC,
    questions: [{ type, name, class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: UDP_OCTETS_MAX,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });
}

/** What a server says to a question: for the trial world's own. `answers` empty: the name exists, without records. */
export function encodeAnswer(
  id: number,
  question: { readonly name: string; readonly type: string },
  answers: readonly DnsRecord[],
): Buffer {
  const RECURSION_AVAILABLE = 1 << 7;
  return encode({
    type: 'response',
    id,
    flags: RECURSION_DESIRED | RECURSION_AVAILABLE,
    questions: [{ type: question.type as RecordType, name: question.name, class: 'IN' }],
    answers: answers.map(({ name, ttl, data }): PacketAnswer => {
      if (data.type === 'MX') return { type: 'MX', name, ttl, data: { ...data.mx } };
      if (data.type === 'CNAME') return { type: 'CNAME', name, ttl, data: data.target };
      return { type: data.type, name, ttl, data: data.address };
    }),
  });
}

/** undefined: not a DNS message. */
export function decodeMessage(octets: Buffer): DnsMessage | undefined {
  if (octets.length < 12) return undefined;
  try {
    const packet = decode(octets);
    const flags = octets.readUInt16BE(2);
    const question = packet.questions?.[0];
    const soa = packet.authorities?.find((authority) => authority.type === 'SOA');
    const negativeTtl = soa?.type === 'SOA' ? Math.min(soa.ttl ?? 0, soa.data.minimum ?? 0) : undefined;
    return {
      id: octets.readUInt16BE(0),
      isResponse: (flags & 0x8000) !== 0,
      isTruncated: (flags & TRUNCATED_RESPONSE) !== 0,
      isAuthentic: (flags & AUTHENTIC) !== 0,
      rcode: flags & 15,
      ...(question !== undefined && { question: { name: canonicalName(question.name), type: question.type } }),
      answers: (packet.answers ?? []).slice(0, ANSWERS_MAX).flatMap(record),
      ...(negativeTtl !== undefined && { negativeTtl }),
    };
  } catch {
    return undefined;
  }
}

export function canonicalName(name: string): string {
  return name.replace(/\.$/, '').toLowerCase();
}

function record(answer: PacketAnswer): DnsRecord[] {
  if (answer.type === 'OPT' || !('ttl' in answer)) return [];
  const owner = { name: canonicalName(answer.name), ttl: answer.ttl ?? 0 };
  if (answer.type === 'A' || answer.type === 'AAAA') {
    return [{ ...owner, data: { type: answer.type, address: answer.data } }];
  }
  if (answer.type === 'CNAME') return [{ ...owner, data: { type: 'CNAME', target: canonicalName(answer.data) } }];
  if (answer.type !== 'MX') return [];
  const { preference, exchange } = answer.data;
  return [{ ...owner, data: { type: 'MX', mx: { preference: preference ?? 0, exchange: canonicalName(exchange) } } }];
}
