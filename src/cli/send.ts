// postilion send: hands a message, or many, to a relay: the trial that runs, or any other.
import { readFileSync } from 'node:fs';
import { EXIT, OperatorError } from '../base/errors.ts';
import { findTrial } from '../trial/running.ts';
import { type Call, type Command, optionText } from './command.ts';
import type { Letter, Server, SubmissionClient, Taken } from './submission-client.ts';
import { printable } from './table.ts';

const COUNT_MAX = 1_000_000;
const PORT_MAX = 65_535;
const SUBMISSION_PORT = 587;
const TRIAL_FROM = 'hello@trial.test';
const TRIAL_TO = 'anna@gmail.com';

export const send: Command = {
  words: ['send'],
  summary: 'Hand a message to a relay and print its reply',
  details:
    'Without --host and --port it goes to the trial that runs for this user, whose credentials it finds by itself. STARTTLS is used when offered; a password goes to another host only over TLS with a good certificate. Prints one reply a message, with the id of the message. Exit code 1: refused; 75: refused for now; 77: login refused; 69: nobody answers.',
  options: [
    { flags: '--host <name>', doc: 'the relay; 127.0.0.1 when only --port is given' },
    { flags: '--port <n>', doc: '587 unless given; 465 is TLS from the first octet' },
    { flags: '--user <name>', doc: 'logs in as' },
    { flags: '--password <text>', doc: 'else POSTILION_PASSWORD, else asked for' },
    { flags: '--from <mailbox>', doc: 'reverse-path and From' },
    { flags: '--to <mailboxes>', doc: 'recipients, with commas between or each by its own --to', isList: true },
    { flags: '--subject <text>', doc: 'of the message that is made' },
    { flags: '--body <text>', doc: 'of the message that is made' },
    { flags: '--file <path>', doc: 'instead: a whole message, header and all; /dev/stdin is the input' },
    { flags: '--count <n>', doc: 'so many, one after the other on one connection' },
  ],
  examples: [
    ['postilion send --to anna@gmail.com', 'to the trial that runs'],
    ['postilion send --to greylist@example.com,550@example.com', 'two recipients'],
    [
      'postilion send --host relay.example.com --user app1 --from a@example.com --to b@example.net',
      'asks the password',
    ],
  ],
  async run(call) {
    const { server, isTrial } = await serverOf(call);
    const letter = letterOf(call, isTrial);
    const count = numberOf(call, 'count', COUNT_MAX) ?? 1;
    const { createSubmissionClient } = await import('./submission-client.ts');
    const client = createSubmissionClient(server);
    try {
      return await submitAll(call, client, letter, count);
    } finally {
      client.close();
    }
  },
};

async function submitAll(call: Call, client: SubmissionClient, letter: Letter, count: number) {
  let isWhole = true;
  for (let at = 0; at < count; at++) {
    const taken = await client.submit(letter);
    isWhole &&= taken.refused.length === 0;
    await call.deps.terminal.out(call.json ? jsonOf(taken) : textOf(taken));
  }
  return isWhole ? EXIT.ok : EXIT.no;
}

function textOf({ reply, refused }: Taken): string {
  const lines = [reply, ...refused.map((one) => `${one.forwardPath}: ${one.reply}`)];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

/** Our own relay names the message at the end of its reply. */
function jsonOf(taken: Taken): string {
  const messageId = /\b([0-9a-hjkmnp-tv-z]{26})\b/.exec(taken.reply)?.[1];
  return `${JSON.stringify({ ...(messageId === undefined ? {} : { messageId }), ...taken })}\n`;
}

async function serverOf(call: Call): Promise<{ readonly server: Server; readonly isTrial: boolean }> {
  const host = optionText(call, 'host');
  const port = numberOf(call, 'port', PORT_MAX);
  const found = host === undefined ? findTrial(call.deps.env) : undefined;
  const trial = port === undefined || port === found?.port ? found : undefined;
  if (trial === undefined && host === undefined && port === undefined) {
    throw new OperatorError(
      `no trial runs here: start one with ${call.deps.programName} trial, or name a relay with --host`,
      EXIT.noRelay,
    );
  }
  const login = await loginOf(call);
  const ours = trial === undefined ? undefined : { user: trial.user, password: trial.password };
  const used = login ?? ours;
  const name = host ?? trial?.host ?? '127.0.0.1';
  const server = {
    host: name,
    port: port ?? trial?.port ?? SUBMISSION_PORT,
    isLocal: isLoopback(name),
    ...(used === undefined ? {} : { login: used }),
  };
  return { server, isTrial: trial !== undefined };
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);

async function loginOf(call: Call): Promise<Server['login']> {
  const { terminal, env } = call.deps;
  const user = optionText(call, 'user');
  const given = optionText(call, 'password') ?? env['POSTILION_PASSWORD'];
  if (user === undefined) {
    if (optionText(call, 'password') === undefined) return undefined;
    throw new OperatorError('--password needs --user', EXIT.usage);
  }
  if (given !== undefined) return { user, password: given };
  if (terminal.canAsk) return { user, password: await terminal.askSecret(`Password of ${user}: `) };
  throw new OperatorError('--user needs a password: --password or POSTILION_PASSWORD', EXIT.usage);
}

function letterOf(call: Call, isTrial: boolean): Letter {
  const reversePath = optionText(call, 'from') ?? (isTrial ? TRIAL_FROM : undefined);
  const to = optionText(call, 'to') ?? (isTrial ? TRIAL_TO : undefined);
  if (reversePath === undefined) throw new OperatorError('--from is missing', EXIT.usage);
  if (to === undefined) throw new OperatorError('--to is missing', EXIT.usage);
  const forwardPaths = to.split(',').map((mailbox) => mailbox.trim());
  if (forwardPaths.includes('')) throw new OperatorError(`'${to}' is no list of mailboxes`, EXIT.usage);
  const subject = optionText(call, 'subject');
  const body = optionText(call, 'body');
  const file = optionText(call, 'file');
  if (file === undefined) {
    const content = { subject: subject ?? 'Hello', body: body ?? 'Sent by postilion send.\n' };
    return { reversePath, forwardPaths, content };
  }
  if (subject !== undefined || body !== undefined) {
    throw new OperatorError('--file is a whole message: no --subject and no --body with it', EXIT.usage);
  }
  return { reversePath, forwardPaths, content: { raw: contentOf(file) } };
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new OperatorError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, EXIT.usage, {
      cause: error,
    });
  }
}

function numberOf(call: Call, name: string, max: number): number | undefined {
  const text = optionText(call, name);
  if (text === undefined) return undefined;
  if (/^\d{1,7}$/.test(text) && Number(text) >= 1 && Number(text) <= max) return Number(text);
  throw new OperatorError(`--${name} takes a number from 1 to ${max}, not '${text}'`, EXIT.usage);
}
