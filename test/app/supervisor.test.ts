import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChildEnd, ChildEvents, Spawn } from '../../src/app/child.ts';
import type { DocumentSource } from '../../src/app/document-source.ts';
import type { FromChild, ToChild } from '../../src/app/ipc-records.ts';
import type { ListeningSocket } from '../../src/app/listening-socket.ts';
import type { Documents } from '../../src/app/roles.ts';
import { Supervisor } from '../../src/app/supervisor.ts';
import { EXIT, OperatorError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Config } from '../../src/config/config.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

interface FakeChild {
  readonly name: string;
  readonly inherit: readonly number[];
  readonly pid: number;
  readonly sent: ToChild[];
  readonly events: ChildEvents;
  isKilled: boolean;
}

function documents(number: number): Documents {
  return { config: { number, processes: { mode: 'split', submission: 2, egress: 1 } } as Config, users: [] };
}

class World {
  readonly clock = new FakeClock();
  readonly children: FakeChild[] = [];
  /** In order: what was told to whom, what ended, what was closed. */
  readonly story: string[] = [];
  trouble: OperatorError | undefined;
  readonly supervisor: Supervisor;

  constructor() {
    const spawn: Spawn = (name, inherit, events) => {
      const child: FakeChild = { name, inherit, pid: 100 + this.children.length, sent: [], events, isKilled: false };
      this.children.push(child);
      return {
        pid: child.pid,
        send: (message) => {
          child.sent.push(message);
          this.story.push(`${name} ${message.say}`);
        },
        kill: () => {
          child.isKilled = true;
          this.story.push(`${name} killed`);
          this.end(name, { code: undefined, signal: 'SIGKILL' });
        },
      };
    };
    const source: DocumentSource = {
      load: ({ number }) => {
        if (this.trouble !== undefined) throw this.trouble;
        return { documents: documents(number + 1), changes: ['caps'], warnings: [] };
      },
      loadUsers: () => [{ name: 'a', hash: 'h' }],
    };
    const listener = { name: 'l', fd: 77, close: () => void this.story.push('listener closed') };
    this.supervisor = new Supervisor({
      documents: documents(1),
      source,
      listeners: [listener as unknown as ListeningSocket],
      lockFd: 55,
      spawn,
      clock: this.clock,
      log: silentLog,
      version: '1',
    });
  }

  /** The one of this name that was spawned last. */
  child(name: string): FakeChild {
    const found = this.children.findLast((child) => child.name === name);
    assert.ok(found, name);
    return found;
  }

  say(name: string, message: FromChild): void {
    this.child(name).events.heard(message);
  }

  end(name: string, end: ChildEnd = { code: 0, signal: undefined }): void {
    this.story.push(`${name} ended`);
    this.child(name).events.ended(end);
  }

  async started(): Promise<void> {
    const start = this.supervisor.start();
    this.say('scheduler', { say: 'ready' });
    for (const name of ['egress-1', 'submission-1', 'submission-2', 'control']) this.say(name, { say: 'ready' });
    await start;
    this.story.length = 0;
  }
}

test('supervisor: all are spawned at once, and told to begin once the scheduler works', async () => {
  const world = new World();
  const start = world.supervisor.start();
  assert.deepEqual(
    world.children.map(({ name, inherit }) => [name, inherit]),
    [
      ['scheduler', [55]],
      ['egress-1', [55]],
      ['submission-1', [55, 77]],
      ['submission-2', [55, 77]],
      ['control', [55]],
    ],
  );
  assert.deepEqual(world.story, ['scheduler start']);
  world.say('scheduler', { say: 'ready' });
  assert.deepEqual(world.story.slice(1, 5), [
    'egress-1 start',
    'submission-1 start',
    'submission-2 start',
    'control start',
  ]);
  const [first] = world.child('submission-2').sent;
  assert.ok(first?.say === 'start');
  assert.deepEqual([first.start.listeners, first.start.alive], [[{ name: 'l', fd: 5 }], []]);
  let done = false;
  void start.then(() => {
    done = true;
  });
  for (const name of ['egress-1', 'submission-1', 'control']) world.say(name, { say: 'ready' });
  await settle();
  assert.equal(done, false);
  world.say('submission-2', { say: 'ready' });
  await start;
  assert.equal((await world.supervisor.health()).ok, true);
});

test('supervisor: what dies is started again at once, later with back-off, and the scheduler is told what it left', async () => {
  const world = new World();
  await world.started();
  for (const segment of ['a', 'b']) world.say('submission-1', { say: 'segment', segment });
  const { pid } = world.child('submission-1');
  world.end('submission-1', { code: 70, signal: undefined });
  assert.deepEqual(world.child('scheduler').sent.at(-1), {
    say: 'ended',
    ended: { role: 'submission', process: 'submission-1', pid, segments: ['a', 'b'] },
  });
  const health = await world.supervisor.health();
  assert.deepEqual([health.ok, health.troubles], [false, ['submission-1 is waiting']]);
  await world.clock.advance(0);
  assert.notEqual(world.child('submission-1').pid, pid);
  assert.equal(world.child('submission-1').sent[0]?.say, 'start');
  const delays: number[] = [];
  for (let death = 0; death < 9; death++) {
    world.end('submission-1', { code: 1, signal: undefined });
    delays.push(world.clock.nextIn ?? -1);
    await world.clock.advance(30_000);
  }
  assert.deepEqual(delays, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  world.say('submission-1', { say: 'ready' });
  await world.clock.advance(60_000);
  world.end('submission-1');
  assert.equal(world.clock.nextIn, 0);
});

test('supervisor: a new scheduler is told who lives, and whoever starts meanwhile waits for it', async () => {
  const world = new World();
  await world.started();
  world.end('submission-2');
  world.end('scheduler', { code: undefined, signal: 'SIGKILL' });
  await world.clock.advance(0);
  const [first] = world.child('scheduler').sent;
  assert.ok(first?.say === 'start');
  assert.deepEqual(first.start.alive, ['egress-1', 'submission-1']);
  assert.deepEqual(world.child('submission-2').sent, []);
  world.say('scheduler', { say: 'ready' });
  assert.equal(world.child('submission-2').sent[0]?.say, 'start');
  assert.equal(world.child('egress-1').sent.filter(({ say }) => say === 'start').length, 1);
});

test('supervisor: stops in order, and kills who does not end in time', async () => {
  const world = new World();
  await world.started();
  const stop = world.supervisor.stop();
  assert.deepEqual(world.story.splice(0), ['listener closed', 'submission-1 stop', 'submission-2 stop']);
  world.end('submission-1');
  await settle();
  assert.deepEqual(world.story.splice(0), ['submission-1 ended', 'scheduler ended']);
  await world.clock.advance(20_000);
  assert.deepEqual(world.story.splice(0).slice(0, 2), ['submission-2 killed', 'submission-2 ended']);
  await settle();
  world.end('egress-1');
  world.end('scheduler');
  await settle();
  assert.equal(world.child('control').sent.at(-1)?.say, 'stop');
  world.end('control');
  await stop;
  await world.clock.advance(120_000);
  assert.equal(world.children.length, 5, 'nobody was started again');
  assert.equal(world.clock.pending, 0);
});

test('supervisor: a child that cannot start ends the start with its words and its exit code', async () => {
  const world = new World();
  const start = world.supervisor.start();
  const refused = assert.rejects(start, (error) => {
    assert.ok(error instanceof OperatorError);
    assert.deepEqual([error.message, error.exitCode], ['the spool is of a newer format', EXIT.configuration]);
    return true;
  });
  world.say('scheduler', { say: 'failed', message: 'the spool is of a newer format', exitCode: 78 });
  world.end('scheduler', { code: 78, signal: undefined });
  await refused;
  await world.clock.advance(120_000);
  assert.equal(world.children.length, 5);
});

test('supervisor: a process that dies again and again before the relay was ever running ends the start', async () => {
  const world = new World();
  const start = world.supervisor.start();
  const refused = assert.rejects(start, (error: unknown) => {
    assert.ok(error instanceof OperatorError);
    assert.equal(error.exitCode, EXIT.invariant);
    assert.match(error.message, /^egress-1 ended 4 times before the relay was running, at last with SIGKILL/);
    return true;
  });
  world.say('scheduler', { say: 'ready' });
  for (const delayMs of [0, 250, 500]) {
    world.end('egress-1', { code: undefined, signal: 'SIGKILL' });
    await world.clock.advance(delayMs);
    await settle();
    assert.equal(world.children.at(-1)?.name, 'egress-1');
    assert.equal(world.story.includes('listener closed'), false);
  }
  world.end('egress-1', { code: undefined, signal: 'SIGKILL' });
  await settle();
  for (const name of ['submission-1', 'submission-2', 'scheduler', 'control']) {
    world.end(name);
    await settle();
  }
  await refused;
});

test('supervisor: a reload is used by all once all have prepared it', async () => {
  const world = new World();
  await world.started();
  const reload = world.supervisor.reload();
  await settle();
  const names = world.children.map(({ name }) => name);
  assert.deepEqual(
    world.story.splice(0),
    names.map((name) => `${name} prepare`),
  );
  for (const name of names.slice(1)) world.say(name, { say: 'prepared', number: 2 });
  await settle();
  assert.deepEqual(world.story.splice(0), []);
  // Who dies meanwhile keeps nobody waiting, and is started with the new one.
  world.end('scheduler');
  assert.deepEqual(await reload, { configuration: 2, changes: ['caps'], warnings: [] });
  assert.deepEqual(world.child('egress-1').sent.at(-1), { say: 'use', number: 2 });
  await world.clock.advance(0);
  const [first] = world.child('scheduler').sent;
  assert.equal(first?.say === 'start' ? first.start.documents.config.number : 0, 2);
});

test('supervisor: a reload that one cannot prepare, or that the files do not allow, changes nothing', async () => {
  const world = new World();
  await world.started();
  const refused = assert.rejects(world.supervisor.reload(), /the key cannot be read/);
  await settle();
  world.say('submission-1', { say: 'prepared', number: 2, trouble: 'the key cannot be read' });
  await refused;
  const late = assert.rejects(world.supervisor.reload(), /did not answer in time/);
  await world.clock.advance(10_000);
  await late;
  world.trouble = new OperatorError('sending.yaml:1:1: no', EXIT.configuration);
  await assert.rejects(world.supervisor.reload(), /sending.yaml:1:1/);
  assert.equal(
    world.children.some(({ sent }) => sent.some(({ say }) => say === 'use')),
    false,
  );
  assert.equal((await world.supervisor.health()).configuration, 1);
});

test('supervisor: who was starting during a reload is brought to what is in force', async () => {
  const world = new World();
  await world.started();
  world.end('egress-1');
  await world.clock.advance(0);
  const reload = world.supervisor.reload();
  await settle();
  for (const { name } of world.children.slice(0, 5)) {
    if (name !== 'egress-1') world.say(name, { say: 'prepared', number: 2 });
  }
  await reload;
  world.say('egress-1', { say: 'ready' });
  assert.deepEqual(
    world.child('egress-1').sent.map(({ say }) => say),
    ['start', 'prepare', 'use'],
  );
});

test('supervisor: control asks, the scheduler has killed', async () => {
  const world = new World();
  await world.started();
  world.say('control', { say: 'ask', id: 1, what: 'reloadUsers' });
  world.trouble = new OperatorError('no', EXIT.configuration);
  world.say('control', { say: 'ask', id: 2, what: 'reload' });
  world.say('control', { say: 'ask', id: 3, what: 'health' });
  await settle();
  await settle();
  assert.deepEqual(
    world
      .child('control')
      .sent.filter(({ say }) => say === 'answer' || say === 'refused')
      .map((said) => 'id' in said && [said.say, said.id])
      .toSorted(),
    [
      ['answer', 1],
      ['answer', 3],
      ['refused', 2],
    ],
  );
  assert.deepEqual(world.child('submission-1').sent.at(-1), { say: 'users', users: [{ name: 'a', hash: 'h' }] });
  world.say('scheduler', { say: 'kill', process: 'egress-1' });
  assert.equal(world.child('egress-1').isKilled, true);
});
