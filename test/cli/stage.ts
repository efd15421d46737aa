// The program on a stage: its streams are kept, its relay and spool are stand-ins, its folder is gone after the test.
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { EXIT, OperatorError } from '../../src/base/errors.ts';
import { seededRandom } from '../../src/base/random.ts';
import type { CliDeps } from '../../src/cli/command.ts';
import { buildProgram } from '../../src/cli/program.ts';
import type { SpoolTools } from '../../src/cli/spool-tools.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { configFolder } from '../config/folder.ts';
import { FakeClock } from '../support/fake-clock.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly note: string;
}

export interface Stage {
  readonly configDir: string;
  readonly spoolDir: string;
  readonly clock: FakeClock;
  run(
    args: readonly string[],
    changes?: Partial<CliDeps> & { readonly input?: string; readonly typed?: readonly string[] },
  ): Promise<Ran>;
  /** A relay that answers; what it was asked is kept. */
  relay(answers: Readonly<Record<string, Answer>>): Promise<string[]>;
}

export interface Answer {
  readonly status?: number;
  readonly body: unknown;
}

const nothing: SpoolTools = {
  verify: async () => ({ messages: 0, deliveries: 0, troubles: [] }),
  async *dump() {},
  rebuild: async () => ({ messages: 0, deliveries: 0, troubles: [] }),
  export: async () => 0,
  import: async () => ({ taken: 0, skipped: 0 }),
};

export function stage(context: TestContext, files: Readonly<Record<string, string>> = {}): Stage {
  const { root, configDir } = configFolder(context, { 'postilion.yaml': 'hostname: relay.example.com', ...files });
  const clock = new FakeClock();
  mkdirSync(join(root, 'spool'));
  mkdirSync(join(root, 'run'));
  return {
    configDir,
    spoolDir: join(root, 'spool'),
    clock,
    async run(args, { input = '', typed, ...changes } = {}) {
      const kept = { out: '', note: '' };
      const answers = [...(typed ?? [])];
      const terminal: Terminal = {
        out: async (text) => void (kept.out += text),
        note: async (text) => void (kept.note += text),
        canAsk: typed !== undefined,
        askSecret: async (question) => {
          kept.note += question;
          const answer = answers.shift();
          if (answer === undefined) throw new OperatorError('nothing was changed', EXIT.no);
          return answer;
        },
        readAll: async () => input,
      };
      const program = buildProgram({
        version: '1.2.3',
        env: {},
        terminal,
        clock,
        random: seededRandom(1),
        spool: nothing,
        serve: async () => EXIT.ok,
        trial: async () => EXIT.ok,
        programName: 'postilion',
        untilInterrupted: () => new Promise(() => {}),
        ...changes,
      });
      const code = await program.run(['--config', configDir, ...args]);
      return { code, ...kept };
    },
    async relay(answers) {
      const asked: string[] = [];
      const server = createServer((request, response) => {
        void body(request).then((text) => {
          const call = `${request.method} ${request.url}`;
          asked.push(text === '' ? call : `${call} ${text}`);
          const answer = answers[call] ?? { status: 404, body: { error: 'not-found', message: 'no such thing' } };
          response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
          response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
        });
      });
      await new Promise<void>((resolve) => server.listen(join(root, 'run', 'control.sock'), resolve));
      context.after(() => server.close());
      return asked;
    },
  };
}

async function body(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
