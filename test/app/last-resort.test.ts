import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endWith } from '../../src/app/last-resort.ts';
import { EXIT, InvariantError, OperatorError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';

function ended(error: unknown): readonly unknown[] {
  const said: unknown[] = [];
  endWith(error, {
    log: { ...silentLog, error: (fields, message) => void said.push(['log', fields, message]) },
    note: (line) => void said.push(['note', line]),
    exit: (code) => void said.push(['exit', code]),
  });
  return said;
}

test('last resort: an operator reads one line and gets its exit code', () => {
  assert.deepEqual(ended(new OperatorError('the port is in use', EXIT.portInUse)), [
    ['note', 'postilion: the port is in use\n'],
    ['exit', EXIT.portInUse],
  ]);
});

test('last resort: a fault of ours is logged in full and ends with 70', () => {
  for (const error of [new InvariantError('x'), new TypeError('y'), 'thrown']) {
    assert.deepEqual(ended(error), [
      ['log', { error }, 'a fault of the relay itself: this process ends'],
      ['exit', EXIT.invariant],
    ]);
  }
});
