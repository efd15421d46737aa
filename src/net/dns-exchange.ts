// One question to one DNS server: UDP from a random port with a random id, TCP when the answer was cut. Resolves with
// the answer or with why there is none; never rejects.
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { canonicalName, type DnsMessage, decodeMessage, encodeQuery, type RecordType } from './dns-message.ts';

export interface DnsServer {
  readonly address: string;
  readonly port: number;
}

export type Exchange = DnsMessage | { readonly trouble: string };

export interface ExchangeOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** For the whole exchange, TCP included. */
  readonly timeoutMs: number;
}

/** Datagrams that are not the answer (late, forged) and are looked at before we give the exchange up. */
const STRAY_MAX = 50;

export async function exchange(
  server: DnsServer,
  name: string,
  type: RecordType,
  options: ExchangeOptions,
): Promise<Exchange> {
  const { clock, timeoutMs } = options;
  const until = clock.monotonic() + timeoutMs;
  const answer = await overUdp(server, name, type, options);
  if ('trouble' in answer || !answer.isTruncated) return answer;
  return await overTcp(server, name, type, { ...options, timeoutMs: Math.max(1, until - clock.monotonic()) });
}

function query(name: string, type: RecordType, random: Random): { id: number; octets: Buffer } {
  const [high = 0, low = 0] = random.bytes(2);
  const id = (high << 8) | low;
  return { id, octets: encodeQuery(id, name, type) };
}

/** The answer to this very question (RFC 5452 section 9.1); the address is checked by the connected socket. */
function matching(octets: Buffer, id: number, name: string, type: RecordType): DnsMessage | undefined {
  const message = decodeMessage(octets);
  if (message === undefined || !message.isResponse || message.id !== id) return undefined;
  const { question } = message;
  // Some servers leave the question out of a failure.
  if (question === undefined) return message.rcode === 0 ? undefined : message;
  return question.type === type && question.name === canonicalName(name) ? message : undefined;
}

function overUdp(server: DnsServer, name: string, type: RecordType, options: ExchangeOptions): Promise<Exchange> {
  const { clock, random, timeoutMs } = options;
  return new Promise((resolve) => {
    const { id, octets } = query(name, type, random);
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    let strays = 0;
    const done = (result: Exchange): void => {
      timer.cancel();
      socket.removeAllListeners();
      // An error that comes late has nobody to tell.
      socket.on('error', () => {});
      socket.close();
      resolve(result);
    };
    const timer = clock.after(timeoutMs, () => done({ trouble: `no answer within ${timeoutMs} ms` }));
    socket.on('error', (error) => done({ trouble: error.message }));
    socket.on('message', (message) => {
      const answer = matching(message, id, name, type);
      if (answer !== undefined) done(answer);
      else if (++strays >= STRAY_MAX) done({ trouble: 'only answers to other questions' });
    });
    socket.on('connect', () => socket.send(octets));
    socket.connect(server.port, server.address);
  });
}

function overTcp(server: DnsServer, name: string, type: RecordType, options: ExchangeOptions): Promise<Exchange> {
  const { clock, random, timeoutMs } = options;
  return new Promise((resolve) => {
    const { id, octets } = query(name, type, random);
    const socket = connect({ host: server.address, port: server.port, noDelay: true });
    const chunks: Buffer[] = [];
    let held = 0;
    const done = (result: Exchange): void => {
      timer.cancel();
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.destroy();
      resolve(result);
    };
    const timer = clock.after(timeoutMs, () => done({ trouble: `no answer over TCP within ${timeoutMs} ms` }));
    socket.on('error', (error) => done({ trouble: error.message }));
    socket.on('close', () => done({ trouble: 'closed before the answer' }));
    socket.on('connect', () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(octets.length);
      socket.write(Buffer.concat([length, octets]));
    });
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      held += chunk.length;
      if (held < 2) return;
      const all = chunks.length === 1 ? chunk : Buffer.concat(chunks);
      const wanted = all.readUInt16BE(0) + 2;
      if (held < wanted) return;
      done(matching(all.subarray(2, wanted), id, name, type) ?? { trouble: 'not an answer to the question' });
    });
  });
}
