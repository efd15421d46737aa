// The units as systemd itself reads and judges them. Nothing is installed or started.
import { deepEqual, equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROJECT_ROOT } from '../support/tree.ts';

const UNIT = join(PROJECT_ROOT, 'systemd/postilion.service');
const skip = spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'there is no systemd-analyze';

test('unit files: stops, restarts, signs of life and the log are as the relay needs them', () => {
  const lines = new Set(readFileSync(UNIT, 'utf8').split('\n'));
  const needed = {
    Type: 'notify',
    NotifyAccess: 'all',
    KillMode: 'mixed',
    TimeoutStopSec: '90',
    WatchdogSec: '60',
    Restart: 'always',
    RestartPreventExitStatus: '77 78',
    ExecReload: '/bin/kill -HUP $MAINPID',
    LogRateLimitIntervalSec: '0',
    AmbientCapabilities: 'CAP_NET_BIND_SERVICE',
    CapabilityBoundingSet: 'CAP_NET_BIND_SERVICE',
    User: 'postilion',
  };
  deepEqual(
    Object.entries(needed).filter(([name, value]) => !lines.has(`${name}=${value}`)),
    [],
  );
});

test('unit files: systemd reads both without a word of blame', { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postilion-units-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['postilion.service', 'postilion.socket']) {
    // what it starts need not be installed here
    const text = readFileSync(join(PROJECT_ROOT, 'systemd', name), 'utf8');
    writeFileSync(
      join(folder, name),
      text.replace(/^(?:ExecStart|Documentation)=.*$/gm, (line) => (line.startsWith('E') ? 'ExecStart=/bin/true' : '')),
    );
  }
  const { stdout, stderr } = spawnSync(
    'systemd-analyze',
    [
      'verify',
      '--recursive-errors=no',
      '--man=no',
      join(folder, 'postilion.service'),
      join(folder, 'postilion.socket'),
    ],
    { encoding: 'utf8' },
  );
  deepEqual(
    `${stdout}${stderr}`.split('\n').filter((line) => line.includes('postilion')),
    [],
  );
});

test('unit files: what the service may do is exposed by less than 3.0', { skip }, () => {
  // The threshold is in tenths.
  const { status, stdout, stderr } = spawnSync(
    'systemd-analyze',
    ['security', '--offline=true', '--threshold=29', '--no-pager', UNIT],
    { encoding: 'utf8' },
  );
  equal(status, 0, `${stdout.slice(-400)}${stderr}`);
});
