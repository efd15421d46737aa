// The trial as people run it, for tests: a process of its own, told by its first line where it is, watched by its events.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { OutcomeEvent } from '../../src/flow/event.ts';
import type { TrialEvent, TrialFacts } from '../../src/trial/event.ts';

export const PROGRAM = fileURLToPath(new URL('../../src/app/main.js', import.meta.url));

export interface Running {
  readonly child: ChildProcess;
  readonly facts: TrialFacts;
  /** The first event, of all so far and to come, for which this is true. */
  until(is: (event: TrialEvent) => boolean): Promise<TrialEvent>;
  readonly code: Promise<number | null>;
}

/** Folders of its own: what is in them afterwards was left behind. */
export function place(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'pt-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return { root, env: { ...process.env, TMPDIR: root, XDG_RUNTIME_DIR: '' } };
}

export type Here = ReturnType<typeof place>;

export async function startTrial(t: TestContext, { env }: Here, args = [PROGRAM, 'trial']): Promise<Running> {
  const child = spawn(process.execPath, [...args, '--json', '--port', '0'], { env });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => void (said += chunk.toString()));
  const code = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const events: TrialEvent[] = [];
  let facts: TrialFacts | undefined;
  let isOver = false;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of waiting) look();
  };
  createInterface(child.stdout)
    .on('line', (line) => {
      if (facts === undefined) facts = JSON.parse(line) as TrialFacts;
      else events.push(JSON.parse(line) as TrialEvent);
      wake();
    })
    .on('close', () => {
      isOver = true;
      wake();
    });
  /** Looks again whenever something has come. */
  const found = <T>(find: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const value = find();
        if (value === undefined && !isOver) return;
        waiting.delete(look);
        if (value === undefined) reject(new Error(`it ended before: ${said}\n${JSON.stringify(events)}`));
        else resolve(value);
      };
      waiting.add(look);
      look();
    });
  const until = (is: (event: TrialEvent) => boolean): Promise<TrialEvent> => found(() => events.find(is));
  return { child, facts: await found(() => facts), until, code };
}

export function send({ env }: Here, ...args: string[]) {
  const ran = spawnSync(process.execPath, [PROGRAM, 'send', ...args], { env, encoding: 'utf8' });
  return { code: ran.status, out: ran.stdout, note: ran.stderr };
}

export async function outcomeOf({ until }: Running, forwardPath: string, outcome: string): Promise<OutcomeEvent> {
  const is = (event: TrialEvent): event is OutcomeEvent =>
    event.type === 'outcome' && event.forwardPath === forwardPath && event.outcome === outcome;
  return (await until(is)) as OutcomeEvent;
}
