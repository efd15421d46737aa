// The relay as a service: started as systemd does it, with sockets that outlive it, and judged by what it tells.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { PROGRAM, Relay, simpleFiles } from '../support/relay.ts';
import { NO_MANAGER, type Said, ServiceManager } from '../support/service-manager.ts';

const SPLIT = 'processes:\n  mode: split\n  submission: 2\n  egress: 1\n';
const MODES = [
  ['one process', 'processes: single\n'],
  ['several processes', SPLIT],
] as const;
const NOBODY_PORT = 9;

/** A relay whose first listener's socket is handed over, and the manager that started it. */
async function service(t: TestContext, processes: string): Promise<{ relay: Relay; manager: ServiceManager }> {
  const manager = await ServiceManager.open(t, 1, 1_000_000);
  const relay = new Relay(t, simpleFiles(manager.ports[0] ?? 0, NOBODY_PORT, processes));
  startIt(relay, manager);
  await manager.hears(({ told }) => told?.['READY'] === '1');
  return { relay, manager };
}

function startIt(relay: Relay, manager: ServiceManager): void {
  manager.start(process.execPath, PROGRAM, '--config', relay.config, 'serve');
}

const tells =
  (name: string) =>
  ({ told }: Said): boolean =>
    told?.[name] === '1';

for (const [mode, processes] of MODES) {
  test(`service: ${mode} take the sockets handed over, and a restart refuses nobody`, {
    skip: NO_MANAGER,
  }, async (t) => {
    const { relay, manager } = await service(t, processes);
    const [port = 0] = manager.ports;
    await relay.submit(port, 'Subject: before\r\n\r\nHello\r\n');
    manager.signal('SIGTERM');
    await manager.hears(({ exited }) => exited !== undefined);
    equal(manager.said.at(-1)?.exited, 0);
    // Nobody accepts now: these would be refused without the manager's socket.
    const waiting = Array.from({ length: 20 }, () => relay.client(port));
    await Promise.all(waiting.map(({ socket }) => new Promise((resolve) => socket.once('connect', resolve))));
    const from = manager.said.length;
    startIt(relay, manager);
    for (const client of waiting) match(await client.reply(), /^220 /);
    for (const client of waiting) match(await client.command('QUIT'), /^221 /);
    await manager.hears(tells('READY'), from);
    await relay.submit(port, 'Subject: after\r\n\r\nHello\r\n');
    equal(await relay.waiting(2), 2);
  });
}

test('service: a socket that is no listener is named, and mail is taken all the same', {
  skip: NO_MANAGER,
}, async (t) => {
  const manager = await ServiceManager.open(t, 2, 0);
  const [port = 0, other] = manager.ports;
  const relay = new Relay(t, simpleFiles(port, NOBODY_PORT));
  startIt(relay, manager);
  match(await manager.logs('is no listener'), new RegExp(`127\\.0\\.0\\.1:${other}`));
  await relay.submit(port, 'Subject: taken\r\n\r\nHello\r\n');
});

test('service: says that it is ready, alive, reloading and stopping, in this order', {
  skip: NO_MANAGER,
}, async (t) => {
  const { manager } = await service(t, SPLIT);
  const ready = manager.said.find(tells('READY'))?.told;
  const { started } = manager.said.find((one) => one.started !== undefined) ?? {};
  deepEqual(ready, { READY: '1', STATUS: 'running', MAINPID: String(started) });
  await manager.hears(tells('WATCHDOG'));
  const from = manager.said.length;
  manager.signal('SIGHUP');
  const reloading = await manager.hears(tells('RELOADING'), from);
  const micros = Number(reloading.told?.['MONOTONIC_USEC']);
  const nowMicros = Number(process.hrtime.bigint() / 1000n);
  ok(micros > 0 && micros <= nowMicros && nowMicros - micros < 600_000_000, `${micros} is an instant of this host`);
  await manager.hears(tells('READY'), from);
  await manager.logs('"configuration":2');
  await manager.hears(tells('WATCHDOG'), manager.said.length);
  manager.signal('SIGTERM');
  await manager.hears(({ exited }) => exited === 0);
  const words = manager.said.flatMap(({ told }) => (told === undefined ? [] : Object.keys(told).slice(0, 1)));
  deepEqual(
    words.filter((word) => word !== 'WATCHDOG'),
    ['READY', 'RELOADING', 'READY', 'STOPPING'],
  );
  equal(words.at(-1), 'STOPPING', 'no sign of life follows');
});

for (const [mode, processes] of MODES) {
  test(`service: a hangup with a broken file changes nothing and says so, ${mode}`, { skip: NO_MANAGER }, async (t) => {
    const { relay, manager } = await service(t, processes);
    const before = await relay.health();
    appendFileSync(join(relay.config, 'sending.yaml'), 'routs: []\n');
    const from = manager.said.length;
    manager.signal('SIGHUP');
    match(await manager.logs('nothing was reloaded'), /sending\.yaml:\d+:1: .*routs.*routes/);
    const { told } = await manager.hears(tells('READY'), from);
    match(told?.['STATUS'] ?? '', /^running; nothing was reloaded: .*sending\.yaml:\d+:1: .*routs/);
    deepEqual(await relay.health(), before);
    await relay.submit(manager.ports[0] ?? 0, 'Subject: as before\r\n\r\nHello\r\n');
  });
}
