import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import type { AttemptError } from '../../src/flow/attempt.ts';
import { createDialer } from '../../src/net/dialer.ts';
import type { Target, Wire } from '../../src/net/wire.ts';
import { startSink } from '../support/fake-net.ts';

/** Dials and resolves with the error it closes with, or with what the peer said first. */
function dial(changes: Partial<Target>, clock: Clock = systemClock): Promise<AttemptError | string | undefined> {
  const target = { host: 'h', address: '127.0.0.1', port: 1, isImplicitTls: false, connectMs: 5000, ...changes };
  return new Promise((resolve) => {
    const wire: Wire = createDialer(clock).dial(target, {
      connected: () => {},
      octets: (octets) => {
        resolve(octets.toString());
        wire.destroy();
      },
      secured: () => {},
      drained: () => {},
      ended: () => {},
      closed: (error) => resolve(error),
    });
  });
}

test('dialer: refused, unreachable and bound to an address of its own', async () => {
  const sink = await startSink();
  const { port } = sink;
  assert.equal(await dial({ port }), '220 sink.test ESMTP\r\n');
  assert.equal(await dial({ port, localAddress: '127.0.0.9' }), '220 sink.test ESMTP\r\n');
  const foreign = await dial({ port, localAddress: '192.0.2.1' });
  assert.equal(typeof foreign === 'object' && foreign.kind, 'unreachable');
  await sink.close();
  const refused = await dial({ port });
  assert.equal(typeof refused === 'object' && refused.kind, 'refused');
});

test('dialer: no connection in time is a time-out', async () => {
  const sink = await startSink();
  // The time is over before the connection can be there.
  const hasty: Clock = {
    ...systemClock,
    after: (_, run) => {
      queueMicrotask(run);
      return { cancel: () => {} };
    },
  };
  assert.deepEqual(await dial({ port: sink.port, connectMs: 7 }, hasty), {
    kind: 'timeout',
    text: 'no connection after 7 ms',
  });
  await sink.close();
});

test('dialer: writes of every size and number arrive whole and in order', async () => {
  const seen: Buffer[] = [];
  const sink = await startSink({
    script: (verb, _, { socket }) => {
      if (verb !== 'GREETING') return 'silence';
      socket.removeAllListeners('data');
      socket.on('data', (chunk: Buffer) => seen.push(chunk));
      return undefined;
    },
  });
  const sent: Buffer[] = [];
  await new Promise<void>((resolve) => {
    const target = { host: 'h', address: '127.0.0.1', port: sink.port, isImplicitTls: false, connectMs: 5000 };
    const wire = createDialer(systemClock).dial(target, {
      connected: () => {
        for (let turn = 0; turn < 60; turn++) {
          const parts = Array.from({ length: 1 + (turn % 3) }, (_, at) =>
            Buffer.alloc(1 + ((turn * 7919 + at * 101) % 40_000), 97 + ((turn + at) % 26)),
          );
          sent.push(...parts);
          wire.write(parts);
          // The caller's memory is not written to again, the wire's own is.
        }
        wire.end();
      },
      octets: () => {},
      secured: () => {},
      drained: () => {},
      ended: () => {},
      closed: () => resolve(),
    });
  });
  assert.ok(Buffer.concat(seen).equals(Buffer.concat(sent)));
  await sink.close();
});
