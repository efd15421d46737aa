import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { bindSocket } from '../../src/app/listening-socket.ts';
import { EXIT, OperatorError } from '../../src/base/errors.ts';

test('listening socket: accepts only once it is told to, then those who waited too', async (t) => {
  const socket = await bindSocket('submission', '127.0.0.1', 0);
  const server = createServer((client) => client.end('hello'));
  t.after(() => {
    server.close();
    socket.close();
  });
  assert.ok(socket.port > 0 && socket.fd > 2);
  await socket.accept(server);
  const text = await new Promise((resolve) =>
    connect(socket.port, '127.0.0.1').on('data', (data) => resolve(String(data))),
  );
  assert.equal(text, 'hello');
});

test('listening socket: a port in use says which listener, and how to find who has it', async (t) => {
  const other = createServer();
  t.after(() => other.close());
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  await assert.rejects(bindSocket('submission', '127.0.0.1', port), (error) => {
    assert.ok(error instanceof OperatorError);
    assert.equal(error.exitCode, EXIT.portInUse);
    assert.match(error.message, new RegExp(`submission: 127.0.0.1:${port} is in use .*ss -ltnp 'sport = :${port}'`));
    return true;
  });
});

test('listening socket: an address of another host is a matter of configuration', async () => {
  for (const host of ['192.0.2.1', 'no-such-host.invalid']) {
    await assert.rejects(bindSocket('submission', host, 0), (error) => {
      assert.ok(error instanceof OperatorError);
      assert.deepEqual([error.exitCode, /is no address of this host/.test(error.message)], [EXIT.configuration, true]);
      return true;
    });
  }
});
