// A receiving mail server of the trial world: speaks SMTP, keeps nothing, does what addresses and personalities say, and
// tells what came. Loopback only.
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Personality } from './personality.ts';
import { type Steer, steer } from './steering.ts';

export interface TrialDelivery {
  /** MX host it came to. */
  readonly host: string;
  readonly personality: string;
  /** Address it came from. */
  readonly from: string;
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  readonly octets: number;
  readonly signatures: number;
  readonly subject: string;
  /** Our last word: the reply to the final dot, or 'closed'. */
  readonly reply: string;
}

export interface MailHostOptions {
  readonly host: string;
  readonly personality: Personality;
  readonly clock: Clock;
  readonly onDelivery: (delivery: TrialDelivery) => void;
}

const LINE_MAX = 64 * 1024;
const MESSAGE_MAX = 100 * 1024 * 1024;
const MINUTE_MS = 60_000;
const SEEN_MAX = 100_000;

interface Transaction {
  reversePath: string;
  readonly forwardPaths: string[];
  readonly steers: Steer[];
}

export class MailHost {
  readonly #options: MailHostOptions;
  readonly #server: Server;
  readonly #sockets = new Map<Socket, string>();
  /** Mailboxes offered before, for greylisting. */
  readonly #seen = new Set<string>();
  /** Instants of messages taken, by client address. */
  readonly #taken = new Map<string, number[]>();

  constructor(options: MailHostOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (socket) => new HostSession(this, socket).greet());
  }

  get options(): MailHostOptions {
    return this.#options;
  }

  listen(port: number, address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, address, () => {
        const bound = this.#server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
      });
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.keys()) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** False: one too many from this address. */
  enter(socket: Socket, address: string): boolean {
    const open = [...this.#sockets.values()].filter((one) => one === address).length;
    this.#sockets.set(socket, address);
    socket.once('close', () => this.#sockets.delete(socket));
    return open < this.#options.personality.limits.connections;
  }

  /** False: too many messages of this address within a minute. Counts one when true. */
  admit(address: string): boolean {
    const now = this.#options.clock.monotonic();
    const recent = (this.#taken.get(address) ?? []).filter((at) => now - at < MINUTE_MS);
    this.#taken.set(address, recent);
    if (recent.length >= this.#options.personality.limits.messagesPerMinute) return false;
    recent.push(now);
    return true;
  }

  steerFor(mailbox: string): Steer {
    const seen = this.#seen.has(mailbox);
    if (this.#seen.size < SEEN_MAX) this.#seen.add(mailbox);
    return steer(mailbox, seen);
  }
}

class HostSession {
  readonly #owner: MailHost;
  readonly #socket: Socket;
  readonly #address: string;
  #buffer: Buffer = Buffer.alloc(0);
  #content: Buffer[] | undefined;
  #contentOctets = 0;
  #transaction: Transaction | undefined;
  #messages = 0;

  constructor(owner: MailHost, socket: Socket) {
    this.#owner = owner;
    this.#socket = socket;
    this.#address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => this.#read(chunk));
  }

  greet(): void {
    const { personality } = this.#owner.options;
    if (this.#owner.enter(this.#socket, this.#address)) return this.#say(`220 ${personality.banner}`);
    this.#end(personality.replies.connections);
  }

  #say(reply: string): void {
    if (!this.#socket.destroyed) this.#socket.write(`${reply.replaceAll('{ip}', this.#address)}\r\n`);
  }

  #end(reply: string): void {
    this.#say(reply);
    this.#socket.end();
  }

  #read(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      if (this.#content !== undefined) {
        if (!this.#readContent()) return;
        continue;
      }
      const end = this.#buffer.indexOf('\r\n');
      if (end < 0) {
        if (this.#buffer.length > LINE_MAX) this.#socket.destroy();
        return;
      }
      const line = this.#buffer.subarray(0, end).toString('latin1');
      this.#buffer = this.#buffer.subarray(end + 2);
      this.#command(line);
    }
  }

  /** True when the final dot was found. The marker may begin in what was kept before: three octets are held back. */
  #readContent(): boolean {
    const atStart = this.#contentOctets === 0 && this.#buffer.subarray(0, 3).equals(Buffer.from('.\r\n'));
    const end = atStart ? -2 : this.#buffer.indexOf('\r\n.\r\n');
    const keep = end === -1 ? Math.max(this.#buffer.length - 4, 0) : Math.max(end + 2, 0);
    this.#contentOctets += keep;
    this.#content?.push(this.#buffer.subarray(0, keep));
    this.#buffer = this.#buffer.subarray(end === -1 ? keep : end + 5);
    if (this.#contentOctets > MESSAGE_MAX) this.#socket.destroy();
    if (end === -1) return false;
    const content = Buffer.concat(this.#content ?? []);
    this.#content = undefined;
    this.#contentOctets = 0;
    this.#finish(content);
    return true;
  }

  #command(line: string): void {
    const verb = (/^[a-z]+/i.exec(line)?.[0] ?? '').toUpperCase();
    switch (verb) {
      case 'EHLO':
        this.#transaction = undefined;
        return this.#say(
          `250-${this.#owner.options.host}\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE ${MESSAGE_MAX}`,
        );
      case 'HELO':
      case 'RSET':
        this.#transaction = undefined;
        return this.#say(`250 ${this.#owner.options.host}`);
      case 'NOOP':
        return this.#say('250 2.0.0 OK');
      case 'QUIT':
        return this.#end('221 2.0.0 Bye');
      case 'MAIL':
        return this.#mail(line);
      case 'RCPT':
        return this.#rcpt(line);
      case 'DATA':
        if (this.#transaction === undefined) return this.#say('503 5.5.1 MAIL first');
        if (this.#transaction.forwardPaths.length === 0) return this.#say('554 5.5.1 No valid recipients');
        this.#content = [];
        return this.#say('354 Go ahead');
      default:
        return this.#say('502 5.5.2 Command not recognized');
    }
  }

  #mail(line: string): void {
    const { personality } = this.#owner.options;
    if (this.#messages >= personality.limits.messagesPerConnection) {
      return this.#end(personality.replies.messagesPerConnection);
    }
    if (!this.#owner.admit(this.#address)) return this.#say(personality.replies.messagesPerMinute);
    this.#transaction = { reversePath: /<([^>]*)>/.exec(line)?.[1] ?? '', forwardPaths: [], steers: [] };
    this.#say('250 2.1.0 OK');
  }

  #rcpt(line: string): void {
    if (this.#transaction === undefined) return this.#say('503 5.5.1 MAIL first');
    const mailbox = /<([^>]*)>/.exec(line)?.[1] ?? '';
    const steered = this.#owner.steerFor(mailbox);
    if (steered.do === 'refuse') return steered.close ? this.#end(steered.reply) : this.#say(steered.reply);
    this.#transaction.forwardPaths.push(mailbox);
    this.#transaction.steers.push(steered);
    this.#say('250 2.1.5 OK');
  }

  #finish(content: Buffer): void {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    this.#messages++;
    if (transaction === undefined) return;
    const { personality } = this.#owner.options;
    const drops = transaction.steers.some((one) => one.do === 'drop');
    const refusal = transaction.steers.find((one) => one.do === 'refuse-content');
    const slow = transaction.steers.find((one) => one.do === 'slow');
    const reply = refusal?.do === 'refuse-content' ? refusal.reply : personality.replies.accepted;
    this.#owner.options.onDelivery(this.#told(transaction, content, drops ? 'closed' : reply));
    if (drops) return void this.#socket.destroy();
    if (slow?.do !== 'slow') return this.#say(reply);
    this.#owner.options.clock.after(slow.delayMs, () => this.#say(reply));
  }

  #told(transaction: Transaction, content: Buffer, reply: string): TrialDelivery {
    const end = content.indexOf('\r\n\r\n');
    const header = content.subarray(0, end < 0 ? content.length : end).toString('utf8');
    return {
      host: this.#owner.options.host,
      personality: this.#owner.options.personality.name,
      from: this.#address,
      reversePath: transaction.reversePath,
      forwardPaths: transaction.forwardPaths,
      octets: content.length,
      signatures: header.match(/^dkim-signature:/gim)?.length ?? 0,
      subject: /^subject:[ \t]*(.*)$/im.exec(header)?.[1] ?? '',
      reply,
    };
  }
}
