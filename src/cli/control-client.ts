// Asks the running relay by control's Unix socket. Every failure is an OperatorError with the exit code it deserves.
import { request } from 'node:http';
import { join } from 'node:path';
import { EXIT, type ExitCode, OperatorError } from '../base/errors.ts';
import type { Folders } from '../config/config.ts';
import { type Api, API_STATUS, type ApiErrorWord, CONTROL_SOCKET } from '../control/api.ts';

/** The longest anything may take: a reload reads files, an alarm waits for the disk. */
const ANSWER_MS_MAX = 60_000;
/** An answer over this is not ours. */
const ANSWER_OCTETS_MAX = 64 * 1024 * 1024;

export interface AskOptions {
  /** Takes the place of `:id`. */
  readonly id?: string;
  readonly query?: Readonly<Record<string, string>>;
}

type BodyOf<Call> = Call extends { readonly body: infer Body } ? Body : undefined;

/** Exit codes of what the relay may answer instead. */
const EXIT_OF: Readonly<Record<ApiErrorWord, ExitCode>> = {
  'bad-request': EXIT.usage,
  'not-found': EXIT.no,
  'too-large': EXIT.usage,
  configuration: EXIT.configuration,
  internal: EXIT.invariant,
  away: EXIT.tryAgain,
};

export async function ask<K extends keyof Api>(
  folders: Folders,
  call: K,
  body: BodyOf<Api[K]>,
  options: AskOptions = {},
): Promise<Api[K]['answer']> {
  const [method = '', template = ''] = call.split(' ');
  const query = new URLSearchParams(options.query).toString();
  const path = template.replace(':id', encodeURIComponent(options.id ?? '')) + (query === '' ? '' : `?${query}`);
  const { status, text } = await exchange(join(folders.run, CONTROL_SOCKET), method, path, body);
  const answer = parsed(text);
  if (status >= 200 && status < 300 && answer !== undefined) return answer as Api[K]['answer'];
  const { error, message } = (answer ?? {}) as { error?: unknown; message?: unknown };
  const word = Object.keys(API_STATUS).find((known) => known === error) as ApiErrorWord | undefined;
  throw new OperatorError(
    typeof message === 'string' ? message : `the relay answered ${status} without a word that is known`,
    word === undefined ? EXIT.tryAgain : EXIT_OF[word],
  );
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  body: unknown,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      accept: 'application/json',
      ...(payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
    };
    const asked = request({ socketPath, method, path, headers, timeout: ANSWER_MS_MAX }, (response) => {
      const chunks: Buffer[] = [];
      let octets = 0;
      response.on('data', (chunk: Buffer) => {
        octets += chunk.length;
        if (octets > ANSWER_OCTETS_MAX) asked.destroy(new Error('the answer is too long'));
        chunks.push(chunk);
      });
      response.on('error', (error) => reject(troubleOf(error, socketPath)));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${ANSWER_MS_MAX / 1000} s`)));
    asked.on('error', (error) => reject(troubleOf(error, socketPath)));
    asked.end(payload);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function troubleOf(error: NodeJS.ErrnoException, socketPath: string): OperatorError {
  const { code } = error;
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') {
    return new OperatorError(`no relay is running here: nobody listens at ${socketPath}`, EXIT.noRelay, {
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new OperatorError(
      `${socketPath}: permission denied; be its user or a member of its group`,
      EXIT.permission,
      {
        cause: error,
      },
    );
  }
  return new OperatorError(`the relay did not answer: ${error.message}`, EXIT.tryAgain, { cause: error });
}

/** The relay, if one is running; undefined when none is. Other failures are thrown. */
export async function askIfRunning<T>(asked: () => Promise<T>): Promise<T | undefined> {
  try {
    return await asked();
  } catch (error) {
    if (error instanceof OperatorError && error.exitCode === EXIT.noRelay) return undefined;
    throw error;
  }
}
