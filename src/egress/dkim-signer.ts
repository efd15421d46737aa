// Signs what leaves. Keys, canonical form and validity are those of the message's acceptance, so that a copy sent after
// a retry, a restart or a key rotation has the same octets as the first. RSA signatures are made in one thread of their own,
// a batch at a time; it is started when there is such a key. Ed25519 alone costs less than the way there, and is made here.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Log } from '../base/log.ts';
import type { Message } from '../flow/message.ts';
import { type Algorithm, headerFields, prepareSignature, signedHeader } from '../mail/dkim.ts';
import { domainOfKeyName, keyName } from '../mail/signing-table.ts';
import type { FromWorker, ToWorker } from './dkim-worker.ts';
import { NoSigningKey, type Sign } from './payload.ts';
import { signInput } from './sign-input.ts';

export interface SigningKey {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: Algorithm;
  /** PKCS #8 or PKCS #1. */
  readonly pem: string;
}

export interface SignerDeps {
  readonly log: Log;
  /** Somebody must look: once for each domain, until the keys are read again. */
  readonly missing: (domain: string, text: string) => void;
}

export interface DkimSigner {
  /**
   * Rejects with NoSigningKey when the message names keys of its From domain and none of them is here (or of the
   * operator's, when it names no others): then it must wait. What else is missing is left out.
   */
  readonly sign: Sign;
  /** Keys of mail still to come and of mail that waits. */
  reload(keys: readonly SigningKey[]): void;
  close(): Promise<void>;
}

interface UsableKey extends Pick<SigningKey, 'domain' | 'selector' | 'algorithm'> {
  readonly name: string;
  /** Of Ed25519, which may sign here. */
  readonly object?: KeyObject;
}

const NOTHING = Buffer.alloc(0);
const HEADER_END = Buffer.from('\r\n\r\n');

interface Job {
  readonly key: string;
  readonly input: string;
  readonly done: (signature: string | undefined) => void;
}

function startWorker(): Worker {
  const built = new URL('./dkim-worker.js', import.meta.url);
  const worker = new Worker(existsSync(built) ? built : new URL('./dkim-worker.ts', import.meta.url));
  worker.unref();
  return worker;
}

/** Answers in the order of the questions. */
class SigningThread {
  readonly #log: Log;
  #worker: Worker | undefined;
  #waiting: Job[] = [];
  #signing: Job[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  setKeys(keys: readonly SigningKey[]): void {
    if (this.#worker === undefined && keys.every(({ algorithm }) => algorithm === 'ed25519-sha256')) return;
    this.#worker ??= this.#start();
    this.#post({ do: 'keys', keys: keys.map((key) => ({ name: keyName(key), pem: key.pem })) });
  }

  signature(key: string, input: string): Promise<string | undefined> {
    return new Promise((done) => {
      this.#waiting.push({ key, input, done });
      // One batch of what is asked for in one turn.
      if (this.#waiting.length === 1) queueMicrotask(() => this.#next());
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = startWorker();
    worker.on('message', (answers: FromWorker) => {
      const done = this.#signing;
      this.#signing = [];
      done.forEach((job, at) => job.done(answers[at]));
      this.#next();
    });
    worker.on('error', (error) => {
      this.#log.error({ error: error.message }, 'the signing thread failed');
      throw error;
    });
    return worker;
  }

  #next(): void {
    if (this.#signing.length > 0 || this.#waiting.length === 0) return;
    this.#signing = this.#waiting;
    this.#waiting = [];
    this.#post(this.#signing.flatMap(({ key, input }) => [key, input]));
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }
}

export function createDkimSigner(first: readonly SigningKey[], { log, missing }: SignerDeps): DkimSigner {
  let keys = new Map<string, UsableKey>();
  const told = new Set<string>();
  const thread = new SigningThread(log);

  const reload = (changed: readonly SigningKey[]): void => {
    keys = new Map(changed.map((key) => [keyName(key), usableKey(key)]));
    told.clear();
    thread.setKeys(changed);
  };
  reload(first);

  const tell = (name: string): void => {
    const domain = domainOfKeyName(name);
    if (told.has(domain)) return;
    told.add(domain);
    missing(domain, `mail that was accepted with the key ${name} waits to be sent, and the key is not there`);
  };

  /** The keys of a message that are here. */
  const usable = (names: readonly string[]): readonly UsableKey[] => {
    const [firstName = ''] = names;
    const domain = domainOfKeyName(firstName);
    const used: UsableKey[] = [];
    for (const name of names) {
      const key = keys.get(name);
      if (key === undefined) tell(name);
      else used.push(key);
    }
    if (!used.some((key) => key.domain === domain))
      throw new NoSigningKey(`no key of ${domain} that it was accepted with`);
    return used;
  };

  const sign = async (message: Message, content: Uint8Array): Promise<Uint8Array> => {
    const { selectors = [], bodyRelaxedSha256: relaxed } = message;
    if (selectors.length === 0) return NOTHING;
    const used = usable(selectors);
    const header = signedHeader(headerFields(sectionOf(content)));
    const signedAt = Math.floor(message.acceptedAt / 1000);
    const prepared = used.map(({ domain, selector, algorithm }) =>
      prepareSignature(header, {
        domain,
        selector,
        algorithm,
        canonicalization: relaxed === undefined ? 'relaxed/simple' : 'relaxed/relaxed',
        bodyHash: relaxed ?? message.bodySha256,
        signedAt,
        ...(message.signatureMs === undefined ? {} : { expiresAt: signedAt + Math.floor(message.signatureMs / 1000) }),
      }),
    );
    const inputs = prepared.map(({ input }) => input);
    const signatures = signHere(used, inputs) ?? (await signThere(used, inputs));
    return Buffer.from(prepared.map((one, at) => one.field(signatures[at] as string)).join(''), 'latin1');
  };

  const signThere = (used: readonly UsableKey[], inputs: readonly string[]): Promise<readonly string[]> =>
    Promise.all(
      used.map(async ({ name }, at) => {
        const signature = await thread.signature(name, inputs[at] as string);
        if (signature === undefined) throw new NoSigningKey(`the key ${name} went while it was signed`);
        return signature;
      }),
    );

  return { sign, reload, close: () => thread.close() };
}

/** The octets before the empty line, as latin1. */
function sectionOf(content: Uint8Array): string {
  const octets = Buffer.from(content.buffer, content.byteOffset, content.length);
  const end = octets.indexOf(HEADER_END);
  return octets.toString('latin1', 0, end === -1 ? octets.length : end);
}

function usableKey({ domain, selector, algorithm, pem }: SigningKey): UsableKey {
  const object = algorithm === 'ed25519-sha256' ? { object: createPrivateKey(pem) } : {};
  return { name: keyName({ domain, selector }), domain, selector, algorithm, ...object };
}

/** undefined: one of the keys signs in its thread, and takes the others with it. */
function signHere(keys: readonly UsableKey[], inputs: readonly string[]): readonly string[] | undefined {
  if (keys.some(({ object }) => object === undefined)) return undefined;
  return keys.map(({ object }, at) => signInput(object as KeyObject, inputs[at] as string));
}
