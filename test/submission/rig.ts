// Submission on loopback with everything behind it made of memory: what is written is kept and can be made to fail or
// to wait; the scheduler's answers are a function.
import { createServer, type Server } from 'node:net';
import type { Clock } from '../../src/base/clock.ts';
import { systemClock } from '../../src/base/clock.ts';
import { type Fields, type Log } from '../../src/base/log.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Answer, Question, Refusal } from '../../src/flow/intake.ts';
import type { Accepted, Location, Message, MessageId } from '../../src/flow/message.ts';
import type { MessageWriter, Staged } from '../../src/flow/spool.ts';
import {
  DEFAULT_CONTROL,
  DEFAULT_DEADLINES,
  DEFAULT_LIMITS,
  type ListenerOptions,
  type SubmissionOptions,
} from '../../src/submission/options.ts';
import { createSubmission, type Submission } from '../../src/submission/submission.ts';
import type { User } from '../../src/submission/users.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { LineClient } from '../support/line-client.ts';

export interface Kept {
  readonly message: Message;
  readonly content: Buffer;
}

export class TestWriter implements MessageWriter {
  readonly kept: Kept[] = [];
  staged = 0;
  discarded = 0;
  /** Runs before a record is written; may wait or throw. */
  before: () => Promise<void> = () => Promise.resolve();
  beforeStage: () => Promise<void> = () => Promise.resolve();

  async append(message: Message, content: readonly Uint8Array[] | Staged): Promise<Location> {
    await this.before();
    const octets = 'write' in content ? (content as TestStaged).chunks : content;
    this.kept.push({ message, content: Buffer.concat(octets) });
    return { segment: 'test', offset: this.kept.length, length: 1 };
  }

  async stage(_id: MessageId): Promise<Staged> {
    await this.beforeStage();
    this.staged++;
    return new TestStaged(this);
  }

  syncAgeMs(): number {
    return 0;
  }

  async close(): Promise<void> {}
}

class TestStaged implements Staged {
  readonly chunks: Uint8Array[] = [];
  readonly #writer: TestWriter;
  constructor(writer: TestWriter) {
    this.#writer = writer;
  }
  async write(chunk: Uint8Array): Promise<void> {
    this.chunks.push(Uint8Array.from(chunk));
  }
  async discard(): Promise<void> {
    this.#writer.discarded++;
  }
}

export const LISTENERS = {
  plain: { name: 'plain', kind: 'plain', trusted: [], proxyHosts: [] },
  trusted: { name: 'trusted', kind: 'plain', trusted: [{ network: '127.0.0.0/8', user: 'app' }], proxyHosts: [] },
  starttls: {
    name: 'starttls',
    kind: 'starttls',
    tls: { cert: TEST_CERTIFICATE, key: TEST_KEY },
    trusted: [],
    proxyHosts: [],
  },
  implicit: {
    name: 'implicit',
    kind: 'implicit',
    tls: { cert: TEST_CERTIFICATE, key: TEST_KEY },
    trusted: [],
    proxyHosts: [],
  },
  proxy: { name: 'proxy', kind: 'plain', trusted: [], proxyHosts: ['127.0.0.1'] },
  proxytls: {
    name: 'proxytls',
    kind: 'starttls',
    tls: { cert: TEST_CERTIFICATE, key: TEST_KEY },
    trusted: [],
    proxyHosts: ['127.0.0.1'],
  },
} as const satisfies Record<string, ListenerOptions>;

export type ListenerName = keyof typeof LISTENERS;

const user = (name: string, more: Partial<User> = {}): User => ({
  name,
  hash: `hash of ${name}`,
  tenant: 'default',
  stream: 'default',
  counted: false,
  ...more,
});

export const USERS: readonly User[] = [
  user('app'),
  user('restricted', { domains: ['example.com', '*.example.org'], sizeMax: 2000, recipientsMax: 3 }),
  user('elsewhere', { networks: ['192.0.2.0/24'] }),
  user('refusing', { refusesSuppressed: true }),
  user('counted', { counted: true, stream: 'bulk', pool: 'main' }),
];

export interface RigOptions {
  readonly options?: Partial<Omit<SubmissionOptions, 'limits' | 'deadlines'>>;
  readonly limits?: Partial<SubmissionOptions['limits']>;
  readonly deadlines?: Partial<SubmissionOptions['deadlines']>;
  readonly clock?: Clock;
  readonly users?: readonly User[];
}

export class Rig {
  readonly writer = new TestWriter();
  readonly accepted: Accepted[] = [];
  readonly questions: Question[] = [];
  readonly logged: { level: string; fields: Fields; message: string }[] = [];
  answer: (question: Question) => Promise<Answer> = () => Promise.resolve({ answer: 'yes' });
  verify: (hash: string, password: string) => Promise<boolean> = (hash, password) =>
    Promise.resolve(hash === `hash of ${password.replace(/^secret-/, '')}`);
  refusal: Refusal | undefined;
  users: readonly User[];
  readonly options: SubmissionOptions;
  readonly submission: Submission;
  readonly #servers: Server[] = [];
  readonly #clients: LineClient[] = [];

  constructor({ options, limits, deadlines, clock, users }: RigOptions = {}) {
    this.users = users ?? USERS;
    this.options = {
      hostName: 'relay.test',
      received: 'full',
      longLines: 'accept',
      control: DEFAULT_CONTROL,
      streams: { default: { lifetimeMs: 5_000 }, bulk: { lifetimeMs: 9_000, pool: 'bulkpool' } },
      listeners: Object.values(LISTENERS),
      ...options,
      limits: { ...DEFAULT_LIMITS, ...limits },
      deadlines: { ...DEFAULT_DEADLINES, lingerMs: 500, stopMs: 200, ...deadlines },
    };
    const log = (level: string) => (fields: Fields, message: string) => {
      this.logged.push({ level, fields, message });
    };
    const logger: Log = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
    this.submission = createSubmission(this.options, {
      clock: clock ?? systemClock,
      random: systemRandom,
      log: logger,
      writer: this.writer,
      intake: {
        ask: (question) => {
          this.questions.push(question);
          return this.answer(question);
        },
        accepted: (accepted) => void this.accepted.push(accepted),
        gate: { refusal: () => this.refusal },
      },
      users: () => ({ find: (name) => this.users.find((entry) => entry.name === name), decoyHash: 'hash of nobody' }),
      verify: (hash, password) => this.verify(hash, password),
    });
  }

  /** The port of a listener, made when first asked for. */
  async listen(name: ListenerName): Promise<number> {
    const server = createServer();
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.submission.attach(LISTENERS[name], server);
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  client(port: number, options: { tls?: boolean; localAddress?: string } = {}): LineClient {
    const client = LineClient.open(port, options);
    this.#clients.push(client);
    return client;
  }

  /** The only message kept. */
  get only(): Kept {
    const [kept, ...more] = this.writer.kept;
    if (kept === undefined || more.length > 0) throw new Error(`${this.writer.kept.length} messages kept, not 1`);
    return kept;
  }

  /** A client whose mail is taken without AUTH, past its EHLO. */
  async sender(): Promise<LineClient> {
    const client = this.client(await this.listen('trusted'));
    await client.reply();
    await client.command('EHLO client.test');
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.submission.stop();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** Runs `action` on a rig and closes it whatever happens. */
export async function withRig(options: RigOptions, action: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = new Rig(options);
  try {
    await action(rig);
  } finally {
    await rig.close();
  }
}

export const plainToken = (name: string, password: string): string =>
  Buffer.from(`\0${name}\0${password}`).toString('base64');
