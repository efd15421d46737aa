import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../src/base/log.ts';
import { createServiceManager, listenDescriptors, watchdogPeriodMs } from '../../src/app/service-manager.ts';
import { FakeClock } from '../support/fake-clock.ts';

const env = { NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '20000000' };

test('service manager: nothing is spawned without NOTIFY_SOCKET', async () => {
  const notify = () => Promise.reject(new Error('spawned'));
  const manager = createServiceManager({ env: {}, pid: 7, clock: new FakeClock(), log: silentLog, notify });
  await manager.ready('ok');
  await manager.stopping();
});

test('service manager: signs of life come at half the period, from ready to stopping, while we are alive', async () => {
  const clock = new FakeClock();
  const told: string[][] = [];
  let alive = true;
  const notify = (assignments: readonly string[]) => Promise.resolve(void told.push([...assignments]));
  const manager = createServiceManager({ env, pid: 7, clock, log: silentLog, notify, alive: () => alive });
  await clock.advance(30_000);
  assert.equal(told.length, 0);
  await manager.ready('serving');
  await clock.advance(20_500);
  alive = false;
  await clock.advance(20_000);
  alive = true;
  await manager.reloading();
  await manager.stopping();
  await clock.advance(60_000);
  assert.deepEqual(
    told.map((one) => one[0]),
    ['READY=1', 'WATCHDOG=1', 'WATCHDOG=1', 'RELOADING=1', 'STOPPING=1'],
  );
  assert.deepEqual(told.at(0)?.slice(1), ['STATUS=serving', 'MAINPID=7']);
});

test('service manager: a notifier that fails is said once and stops nobody', async () => {
  let warnings = 0;
  const log = { ...silentLog, warn: () => void warnings++ };
  const notify = () => Promise.reject(new Error('ENOENT'));
  const manager = createServiceManager({ env, pid: 7, clock: new FakeClock(), log, notify });
  await manager.ready('a');
  await manager.status('b');
  assert.equal(warnings, 1);
});

test('service manager: descriptors and watchdog are only ours when the pid is', () => {
  const given = { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'submission:submissions' };
  assert.deepEqual(listenDescriptors(given, 7), [
    { fd: 3, name: 'submission' },
    { fd: 4, name: 'submissions' },
  ]);
  assert.deepEqual(listenDescriptors(given, 8), []);
  assert.deepEqual(listenDescriptors({ LISTEN_PID: '7', LISTEN_FDS: 'x' }, 7), []);
  assert.equal(watchdogPeriodMs({ WATCHDOG_USEC: '20000000' }, 7), 10_000);
  assert.equal(watchdogPeriodMs({ WATCHDOG_USEC: '20000000', WATCHDOG_PID: '9' }, 7), undefined);
  assert.equal(watchdogPeriodMs({}, 7), undefined);
});
