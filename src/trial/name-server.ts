// The trial world's DNS: every domain has mail hosts, every host the address its personality listens at. UDP on
// loopback; answers nothing but MX and A.
import { createSocket, type Socket } from 'node:dgram';
import { type DnsRecord, decodeMessage, encodeAnswer } from '../net/dns-message.ts';
import { mxOf } from './personality.ts';

/** Address of an MX host. */
export type Addresses = (host: string) => string;

const TTL_S = 300;

/** Records of one question. */
export function answersTo(name: string, type: string, addresses: Addresses): readonly DnsRecord[] {
  if (type === 'MX') {
    return mxOf(name).map((exchange, at) => ({
      name,
      ttl: TTL_S,
      data: { type: 'MX', mx: { preference: (at + 1) * 10, exchange } },
    }));
  }
  return type === 'A' ? [{ name, ttl: TTL_S, data: { type: 'A', address: addresses(name) } }] : [];
}

export class NameServer {
  readonly #socket: Socket = createSocket('udp4');

  constructor(addresses: Addresses) {
    this.#socket.on('message', (octets, from) => {
      const asked = decodeMessage(octets);
      if (asked?.question === undefined || asked.isResponse) return;
      const { name, type } = asked.question;
      const answer = encodeAnswer(asked.id, asked.question, answersTo(name, type, addresses));
      this.#socket.send(answer, from.port, from.address);
    });
  }

  listen(address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.bind(0, address, () => resolve(this.#socket.address().port));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}
