import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { EXIT, OperatorError } from '../../src/base/errors.ts';
import { HandedSockets, openHanded } from '../../src/app/handed-sockets.ts';
import type { ListeningSocket } from '../../src/app/listening-socket.ts';

function socketAt(address: string, port: number, closed: string[] = []): ListeningSocket {
  const accept = (): Promise<void> => Promise.resolve();
  return { name: 'postilion.socket', fd: 3, address, port, accept, close: () => void closed.push(address) };
}

test('handed sockets: a listener gets the socket of its address and port under its own name, once', () => {
  const handed = new HandedSockets([socketAt('::1', 465), socketAt('127.0.0.1', 587), socketAt('127.0.0.1', 2525)]);
  const found = handed.take('127.0.0.1:2525', '127.0.0.1', 2525);
  deepEqual([found?.name, found?.address, found?.port], ['127.0.0.1:2525', '127.0.0.1', 2525]);
  equal(handed.take('127.0.0.1:2525', '127.0.0.1', 2525), undefined);
  equal(handed.take('127.0.0.1:465', '127.0.0.1', 465), undefined, 'another address');
  equal(handed.take('[0:0:0:0:0:0:0:1]:465', '0:0:0:0:0:0:0:1', 465)?.address, '::1', 'another spelling');
});

test('handed sockets: a port of all addresses is that of a unit for both families', () => {
  equal(new HandedSockets([socketAt('::', 587)]).take('*:587', '::', 587)?.port, 587);
  equal(new HandedSockets([socketAt('::', 587)]).take('0.0.0.0:587', '0.0.0.0', 587)?.port, 587);
});

test('handed sockets: a unit that holds the port for all addresses is named where a listener has one of them', () => {
  throws(
    () => new HandedSockets([socketAt('::', 587)]).take('127.0.0.1:587', '127.0.0.1', 587),
    (error) => {
      ok(error instanceof OperatorError);
      equal(error.exitCode, EXIT.configuration);
      equal(
        error.message,
        'listener 127.0.0.1:587: the socket unit has [::]:587, so it cannot be bound; give both the same address',
      );
      return true;
    },
  );
});

test('handed sockets: what is no listener is named and closed here', () => {
  const closed: string[] = [];
  const handed = new HandedSockets([socketAt('127.0.0.1', 587, closed), socketAt('::', 465, closed)]);
  ok(handed.take('127.0.0.1:587', '127.0.0.1', 587) !== undefined);
  deepEqual(handed.closeRest(), ['[::]:465']);
  deepEqual(closed, ['::']);
});

test('handed sockets: a descriptor that is no TCP socket is a matter of the unit', async (t) => {
  const server = createServer();
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(`\0postilion-handed-test-${process.pid}`, resolve));
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  for (const stranger of [fd, 1_000_000]) {
    throws(
      () => openHanded([{ fd: stranger, name: 'postilion.socket' }]),
      (error) => {
        ok(error instanceof OperatorError);
        equal(error.exitCode, EXIT.configuration);
        return /\(postilion\.socket\) .* is no TCP socket/.test(error.message);
      },
    );
  }
});
