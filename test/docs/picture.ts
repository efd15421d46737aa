// `npm run picture`: the terminal picture of the README, from a real trial: started on a terminal of its own, sent to, and
// ended. Not part of `npm run docs`, since no two runs are alike.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../support/tree.ts';
import { drawTerminal } from './terminal-picture.ts';

const COLUMNS = 112;
const PROGRAM = 'dist/src/app/main.js';
const PICTURE = join(PROJECT_ROOT, 'test/docs/trial.svg');
/** What is sent, and what the trial says once it has become of it. */
const SENT = [
  [['anna@gmail.com'], /delivered.*anna@gmail\.com/],
  [['greylist@example.com', '550@yahoo.com'], /delivered.*greylist@example\.com/],
] as const;

process.chdir(PROJECT_ROOT);
const folder = mkdtempSync(join(tmpdir(), 'p-'));
const record = join(folder, 'record');
/** A folder of temporary files of its own: `send` looks there for the trial to send to, and others may run one. */
const world = { ...process.env, TERM: 'xterm', TMPDIR: folder, XDG_RUNTIME_DIR: '' };
// A terminal of so many columns, on whose other side everything is written down.
const trial = spawn('script', ['-qefc', `stty cols ${COLUMNS} rows 60; exec node ${PROGRAM} trial`, record], {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: world,
});
const ended = new Promise((resolve) => trial.on('close', resolve));

const said = (): string => {
  try {
    return readFileSync(record, 'utf8')
      .replace(/^Script started[^\n]*\n/, '')
      .replace(/\n*Script done[^\n]*\n?$/, '\n');
  } catch {
    return '';
  }
};

async function untilSaid(what: RegExp): Promise<void> {
  while (!what.test(said().replace(/\u001b\[[0-9;]*m/g, ''))) {
    if (trial.exitCode !== null) throw new Error(`the trial ended: ${said()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

await untilSaid(/End: Ctrl-C/);
for (const [recipients, then] of SENT) {
  const { status, stderr } = spawnSync(process.execPath, [PROGRAM, 'send', '--to', recipients.join(',')], {
    env: world,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  await untilSaid(then);
}
// Ctrl-C goes to the trial, which `script` runs in a process group of its own terminal.
const [, pid = ''] = /^(\d+)$/m.exec(spawnSync('pgrep', ['-P', String(trial.pid)], { encoding: 'utf8' }).stdout) ?? [];
process.kill(Number(pid), 'SIGINT');
await ended;
writeFileSync(PICTURE, drawTerminal({ title: 'npm start', text: said(), columns: COLUMNS }));
rmSync(folder, { recursive: true });
console.log(`written: test/docs/trial.svg`);
