// A scriptable receiving MTA and a scriptable DNS server on loopback, port chosen by the system. Both take hostile
// scripts: the script sees every command and may answer anything, or break the connection.
import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { type Answer, decode, encode, type Packet, type Question } from 'dns-packet';

// ── MTA ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface SinkMessage {
  readonly connection: number;
  /** MAIL and RCPT lines as received. */
  readonly mail: string;
  readonly rcpts: readonly string[];
  /** Content, dots unstuffed, without the final dot. */
  readonly content: Buffer;
  readonly isTls: boolean;
}

/** What the script does with a command: a reply (lines without CRLF), octets as they are, silence, or a break. */
export type SinkAnswer =
  | string
  | { readonly raw: string | Buffer }
  | 'silence' // to everything from here on
  | 'close' // FIN
  | 'reset' // RST
  | undefined; // the usual answer

export interface SinkSession {
  readonly connection: number;
  readonly isTls: boolean;
  readonly socket: Socket;
  /** Messages of this connection so far. */
  readonly count: number;
}

export interface SinkOptions {
  /** Lines of the EHLO reply after the first; default PIPELINING, 8BITMIME, SMTPUTF8, SIZE, DSN. */
  readonly extensions?: readonly string[];
  /** PEM: offers STARTTLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly isImplicitTls?: boolean;
  /**
   * Asked for every command in upper case: 'GREETING', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'DOT', 'QUIT' …, with its line.
   */
  readonly script?: (verb: string, line: string, session: SinkSession) => SinkAnswer;
  /** Never closes on its own when the client has closed. */
  readonly isHalfOpen?: boolean;
  readonly host?: string;
  readonly port?: number;
}

export interface Sink {
  readonly port: number;
  readonly messages: readonly SinkMessage[];
  /** Those whose final dot was answered with a refusal, a break or silence. */
  readonly refused: readonly SinkMessage[];
  /** Every command line, `connection verb …`. */
  readonly lines: readonly string[];
  /** Connections so far, and those open now. */
  readonly connections: number;
  readonly open: number;
  /** Resolves when `count` messages are there. */
  received(count: number): Promise<void>;
  close(): Promise<void>;
}

const EXTENSIONS = ['PIPELINING', 'SIZE 52428800', '8BITMIME', 'SMTPUTF8', 'DSN'];

export async function startSink(options: SinkOptions = {}): Promise<Sink> {
  const { script = () => undefined, extensions = EXTENSIONS, tls } = options;
  const messages: SinkMessage[] = [];
  const refused: SinkMessage[] = [];
  const lines: string[] = [];
  const open = new Set<Socket>();
  const waiters: { count: number; done: () => void }[] = [];
  let connections = 0;
  // One for all connections, so that session tickets hold.
  const secureContext = tls === undefined ? undefined : createSecureContext(tls);

  const serve = (plain: Socket): void => {
    const connection = ++connections;
    open.add(plain);
    plain.on('close', () => open.delete(plain));
    plain.on('error', () => {});
    let socket = plain;
    let isTls = false;
    let buffer = Buffer.alloc(0);
    let inData = false;
    let isDeaf = false;
    let count = 0;
    let mail = '';
    let rcpts: string[] = [];
    const session = (): SinkSession => ({ connection, isTls, socket, count });

    const act = (verb: string, line: string, usual: () => string): boolean => {
      const answer = script(verb, line, session());
      if (answer === 'close') {
        socket.end();
        isDeaf = true;
      } else if (answer === 'reset') {
        plain.resetAndDestroy();
        isDeaf = true;
      } else if (answer === undefined) socket.write(`${usual()}\r\n`);
      else if (typeof answer === 'object') socket.write(answer.raw);
      else if (answer === 'silence') isDeaf = true;
      else socket.write(`${answer}\r\n`);
      return answer === undefined || (typeof answer === 'string' && answer.startsWith('3'));
    };

    const ehlo = (): string => {
      const words = [...extensions, ...(tls !== undefined && !isTls ? ['STARTTLS'] : [])];
      return ['sink.test', ...words].map((word, at) => `250${at === words.length ? ' ' : '-'}${word}`).join('\r\n');
    };

    const command = (line: string): void => {
      lines.push(`${connection} ${line}`);
      const verb = (line.split(/[ :]/)[0] ?? '').toUpperCase();
      switch (verb) {
        case 'EHLO':
          act(verb, line, ehlo);
          break;
        case 'STARTTLS':
          if (act(verb, line, () => '220 go') && tls !== undefined) secure();
          break;
        case 'MAIL':
          mail = line;
          rcpts = [];
          act(verb, line, () => '250 2.1.0 ok');
          break;
        case 'RCPT':
          if (act(verb, line, () => '250 2.1.5 ok')) rcpts.push(line);
          break;
        case 'DATA':
          inData = act(verb, line, () => (rcpts.length > 0 ? '354 go' : '503 5.5.1 no recipients')) && rcpts.length > 0;
          break;
        case 'QUIT':
          if (act(verb, line, () => '221 2.0.0 bye')) socket.end();
          break;
        default:
          act(verb, line, () => (['HELO', 'RSET', 'NOOP'].includes(verb) ? '250 ok' : '502 5.5.1 unknown'));
      }
    };

    const secure = (): void => {
      plain.removeAllListeners('data');
      buffer = Buffer.alloc(0);
      const secured = new TLSSocket(plain, { isServer: true, ...(secureContext !== undefined && { secureContext }) });
      secured.on('error', () => {});
      socket = secured;
      isTls = true;
      listen();
    };

    const listen = (): void => {
      socket.on('data', (chunk: Buffer) => {
        if (isDeaf) return;
        buffer = Buffer.concat([buffer, chunk]);
        for (;;) {
          if (inData) {
            const end = buffer.subarray(0, 3).equals(Buffer.from('.\r\n')) ? 0 : buffer.indexOf('\r\n.\r\n') + 2;
            if (end === 1) return;
            const content = unstuff(buffer.subarray(0, end));
            buffer = buffer.subarray(end + 3);
            inData = false;
            count++;
            lines.push(`${connection} .`);
            const message = { connection, mail, rcpts, content, isTls };
            const isTaken = act('DOT', '.', () => '250 2.0.0 queued');
            (isTaken ? messages : refused).push(message);
            for (const waiter of waiters) if (messages.length >= waiter.count) waiter.done();
          } else {
            const end = buffer.indexOf('\r\n');
            if (end === -1) return;
            const line = buffer.toString('utf8', 0, end);
            buffer = buffer.subarray(end + 2);
            command(line);
          }
          if (isDeaf) return;
        }
      });
    };

    if (options.isImplicitTls === true) secure();
    else listen();
    act('GREETING', '', () => '220 sink.test ESMTP');
  };

  const server = createServer({ noDelay: true, allowHalfOpen: options.isHalfOpen === true }, serve);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    messages,
    refused,
    lines,
    get connections() {
      return connections;
    },
    get open() {
      return open.size;
    },
    received: (count) =>
      messages.length >= count
        ? Promise.resolve()
        : new Promise<void>((done) => {
            waiters.push({ count, done });
          }),
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function unstuff(content: Buffer): Buffer {
  return Buffer.from(content.toString('latin1').replace(/(^|\r\n)\./g, '$1'), 'latin1');
}

// ── DNS ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export type DnsAnswer =
  | readonly Answer[]
  | 'nxdomain'
  | 'servfail'
  | 'refused'
  | 'silence'
  /** Empty and cut over UDP, the records over TCP. */
  | { readonly truncated: readonly Answer[] }
  /** Octets as they are. */
  | { readonly raw: Buffer }
  /** Several answers, one datagram each. */
  | { readonly many: readonly DnsAnswer[] }
  /** Changes the packet before it is sent. */
  | { readonly packet: (packet: Packet) => Packet };

export interface DnsOptions {
  /** By `TYPE name`, lower-case name; absent: NXDOMAIN when no type of the name is known, else no records. */
  readonly zone?: Readonly<Record<string, DnsAnswer>>;
  /** Asked first; undefined: the zone. */
  readonly script?: (question: Question, transport: 'udp' | 'tcp') => DnsAnswer | undefined;
  /** Of the SOA sent with absences, seconds. */
  readonly negativeTtl?: number;
}

export interface DnsSink {
  readonly server: { readonly address: string; readonly port: number };
  /** `udp MX example.org`. */
  readonly questions: readonly string[];
  /** Source port and id of each question over UDP. */
  readonly marks: readonly { readonly port: number; readonly id: number }[];
  readonly inFlightMax: number;
  close(): Promise<void>;
}

export const mx = (name: string, exchange: string, preference = 10, ttl = 300): Answer => ({
  type: 'MX',
  name,
  ttl,
  data: { preference, exchange },
});
export const a = (name: string, address: string, ttl = 300): Answer => ({
  type: address.includes(':') ? 'AAAA' : 'A',
  name,
  ttl,
  data: address,
});
export const cname = (name: string, target: string, ttl = 300): Answer => ({ type: 'CNAME', name, ttl, data: target });

export async function startDns(options: DnsOptions = {}): Promise<DnsSink> {
  const { zone = {}, negativeTtl = 60 } = options;
  const questions: string[] = [];
  const marks: { port: number; id: number }[] = [];
  const names = new Set(Object.keys(zone).map((key) => key.split(' ')[1]));

  const reply = (octets: Buffer, transport: 'udp' | 'tcp'): Buffer[] => {
    const query = decode(octets);
    const question = query.questions?.[0];
    if (question === undefined) return [];
    const name = question.name.toLowerCase();
    questions.push(`${transport} ${question.type} ${name}`);
    const known = options.script?.(question, transport) ?? zone[`${question.type} ${name}`];
    const answer = known ?? (names.has(name) ? [] : 'nxdomain');
    const answers = typeof answer === 'object' && 'many' in answer ? answer.many : [answer];
    return answers.flatMap((one) => encodeAnswer(one, query, question, transport) ?? []);
  };

  const encodeAnswer = (
    answer: DnsAnswer,
    query: Packet,
    question: Question,
    transport: 'udp' | 'tcp',
  ): Buffer | undefined => {
    if (answer === 'silence') return undefined;
    if (typeof answer === 'object' && 'raw' in answer) return answer.raw;
    const isCut = typeof answer === 'object' && 'truncated' in answer && transport === 'udp';
    const records = Array.isArray(answer)
      ? (answer as Answer[])
      : typeof answer === 'object' && 'truncated' in answer && !isCut
        ? answer.truncated
        : [];
    const rcode = answer === 'nxdomain' ? 3 : answer === 'servfail' ? 2 : answer === 'refused' ? 5 : 0;
    const soa = {
      mname: 'ns.test',
      rname: 'root.test',
      minimum: negativeTtl,
      serial: 1,
      refresh: 1,
      retry: 1,
      expire: 1,
    };
    const isAbsent = records.length === 0 && !isCut;
    const packet: Packet = {
      type: 'response',
      id: query.id ?? 0,
      flags: 0x0180 | rcode | (isCut ? 0x0200 : 0),
      questions: [question],
      answers: [...records],
      authorities: isAbsent ? [{ type: 'SOA', name: 'test', ttl: negativeTtl, data: soa }] : [],
    };
    return encode(typeof answer === 'object' && 'packet' in answer ? answer.packet(packet) : packet);
  };

  let inFlight = 0;
  let inFlightMax = 0;
  const { udp, tcp, port } = await bindBoth();
  udp.on('message', (octets, from) => {
    inFlightMax = Math.max(inFlightMax, ++inFlight);
    marks.push({ port: from.port, id: octets.readUInt16BE(0) });
    // Answered in a later turn, so that questions asked together are in flight together.
    setImmediate(() => {
      inFlight--;
      for (const answer of reply(octets, 'udp')) udp.send(answer, from.port, from.address);
    });
  });
  tcp.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.once('data', (octets) => {
      const [answer] = reply(octets.subarray(2), 'tcp');
      if (answer === undefined) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      // In two pieces: the length may come alone.
      socket.write(length);
      setImmediate(() => socket.end(answer));
    });
  });
  return {
    server: { address: '127.0.0.1', port },
    questions,
    marks,
    get inFlightMax() {
      return inFlightMax;
    },
    close: async () => {
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      await new Promise<void>((resolve) => tcp.close(() => resolve()));
    },
  };
}

/** UDP and TCP on one port of the system's choice. */
async function bindBoth() {
  for (let attempt = 0; attempt < 20; attempt++) {
    const udp = createSocket('udp4');
    await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
    const { port } = udp.address();
    const tcp = createServer();
    const isBound = await new Promise<boolean>((resolve) => {
      tcp.once('error', () => resolve(false));
      tcp.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (isBound) return { udp, tcp, port };
    udp.close();
  }
  throw new Error('no port free for both UDP and TCP');
}
