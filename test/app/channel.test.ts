import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Channel, ChannelClosed, ChannelFailure, type ChannelHandlers } from '../../src/app/channel.ts';
import { FrameReader } from '../../src/app/frame.ts';
import { settle } from '../support/fake-clock.ts';

interface End {
  readonly channel: Channel;
  readonly told: unknown[];
  readonly frames: Buffer[];
  closed: string | undefined;
  /** What `write` answers. */
  takes: boolean;
  destroyed: boolean;
}

function end(asked: ChannelHandlers['asked'] = (body) => Promise.resolve(body), waitingMax = 1000): End {
  const frames: Buffer[] = [];
  const told: unknown[] = [];
  const made: End = {
    frames,
    told,
    takes: true,
    destroyed: false,
    closed: undefined,
    channel: new Channel(
      {
        write: (frame) => {
          frames.push(frame);
          return made.takes;
        },
        end: () => {},
        destroy: () => {
          made.destroyed = true;
        },
      },
      { told: (body) => told.push(body), asked, closed: (why) => void (made.closed = why) },
      { waitingMax },
    ),
  };
  return made;
}

/** Carries what both have written until neither writes any more. */
async function carry(a: End, b: End): Promise<void> {
  for (;;) {
    await settle();
    await settle();
    const [fromA, fromB] = [a.frames.splice(0), b.frames.splice(0)];
    if (fromA.length + fromB.length === 0) return;
    for (const frame of fromA) b.channel.received(frame);
    for (const frame of fromB) a.channel.received(frame);
  }
}

test('channel: what is sent in one turn is one frame, in order', async () => {
  const { channel, frames } = end();
  channel.tell('a');
  void Promise.resolve().then(() => channel.tell('b'));
  await settle();
  channel.tell('c');
  await settle();
  assert.deepEqual(
    frames.map((frame) => new FrameReader().read(frame).flat()),
    [
      [
        [0, 'a'],
        [0, 'b'],
      ],
      [[0, 'c']],
    ],
  );
});

test('channel: questions get their own answers, whatever the order, and undefined stays undefined', async () => {
  const later: (() => void)[] = [];
  const [a, b] = [
    end(),
    end((body) => new Promise((resolve) => void later.push(() => resolve(body === 3 ? undefined : body)))),
  ];
  const answers = [1, 2, 3].map((body) => a.channel.ask(body));
  await carry(a, b);
  for (const answer of later.toReversed()) answer();
  await carry(a, b);
  assert.deepEqual(await Promise.all(answers), [1, 2, undefined]);
});

test('channel: a question that fails there rejects here', async () => {
  const [a, b] = [end(), end(() => Promise.reject(new Error('no disk')))];
  const refused = assert.rejects(
    a.channel.ask('x'),
    (error) => error instanceof ChannelFailure && /no disk/.test(error.message),
  );
  await carry(a, b);
  await refused;
});

test('channel: when it closes every open question rejects, and later ones at once', async () => {
  const a = end();
  const open = assert.rejects(a.channel.ask('x'), ChannelClosed);
  a.channel.linkClosed('gone');
  await open;
  await assert.rejects(a.channel.ask('y'), ChannelClosed);
  a.channel.tell('z');
  await settle();
  assert.deepEqual([a.closed, a.frames.length], ['gone', 0]);
});

test('channel: nothing is written while the peer does not read, and all of it once it does', async () => {
  const a = end();
  a.takes = false;
  a.channel.tell(1);
  await settle();
  a.channel.tell(2);
  a.channel.tell(3);
  await settle();
  assert.equal(a.frames.length, 1);
  assert.equal(a.channel.isCongested, true);
  a.takes = true;
  a.channel.drained();
  assert.deepEqual(new FrameReader().read(Buffer.concat(a.frames)).flat(), [
    [0, 1],
    [0, 2],
    [0, 3],
  ]);
});

test('channel: a peer that never reads is given up at the bound', async () => {
  const a = end(undefined, 3);
  a.takes = false;
  a.channel.tell(0);
  await settle();
  for (let number = 0; number < 3; number++) a.channel.tell(number);
  assert.equal(a.closed, undefined);
  a.channel.tell('too many');
  assert.match(a.closed ?? '', /does not read/);
  assert.equal(a.destroyed, true);
});

test('channel: what is not a record of ours closes it', () => {
  for (const octets of ['[1]', '[[9]]', '{}', '[[0']) {
    const a = end();
    const head = Buffer.alloc(4);
    head.writeUInt32BE(octets.length);
    a.channel.received(Buffer.concat([head, Buffer.from(octets)]));
    assert.notEqual(a.closed, undefined, octets);
  }
});

test('channel: end sends what waits first', async () => {
  const a = end();
  a.takes = false;
  a.channel.tell(1);
  await settle();
  a.channel.tell('bye');
  a.channel.end();
  assert.deepEqual(new FrameReader().read(Buffer.concat(a.frames)).flat(), [
    [0, 1],
    [0, 'bye'],
  ]);
  assert.equal(a.closed, 'ended');
});
