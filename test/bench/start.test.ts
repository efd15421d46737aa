import { deepEqual, equal, match } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { PROJECT_ROOT } from '../support/tree.ts';

const START = join(PROJECT_ROOT, 'test/bench/postilion/start');

/** Writes the files of a measuring start, with a Node that does nothing, and reads them as the relay would. */
function configured(env: Readonly<Record<string, string>>): ReturnType<typeof loadConfig> {
  const runDir = mkdtempSync(join(tmpdir(), 'postilion-start-'));
  try {
    const done = spawnSync(START, [], {
      env: {
        PATH: process.env['PATH'] ?? '',
        RUN_DIR: runDir,
        IN_PORT: '2525',
        SINK_PORT: '2599',
        NODE: 'true',
        ...env,
      },
      encoding: 'utf8',
    });
    equal(done.status, 0, done.stderr);
    return loadConfig({ configDir: join(runDir, 'config'), env: {}, systemName: 'host.example', cores: 2 });
  } finally {
    rmSync(runDir, { recursive: true, force: true });
  }
}

test('measuring start: what it writes is a configuration, without AUTH from loopback and everything to the sink', () => {
  const loaded = configured({ PROCESSES: 'split', RETRY: '3s', CONNECTIONS: '7' });
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
  deepEqual(loaded.warnings, []);
  const text = JSON.stringify(loaded.ok);
  for (const word of ['"split"', '127.0.0.1', '2525', '2599', '3000', '"bench"']) match(text, new RegExp(word));
});

test('measuring start: with AUTH no network is trusted', () => {
  const loaded = configured({ AUTH: 'app:secret' });
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
  equal(JSON.stringify(loaded.ok).includes('"bench"'), false);
});

test('measuring start: its version is one line that names the program', () => {
  const done = spawnSync(join(PROJECT_ROOT, 'test/bench/postilion/version'), [], { encoding: 'utf8' });
  const { version } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8')) as { version: string };
  match(done.stdout, new RegExp(`^Postilion ${version} .*Node \\d+\\.\\d+\\.\\d+\\n$`));
});
