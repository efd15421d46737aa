import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Inlet } from '../../src/submission/inlet.ts';

interface Rig {
  readonly inlet: Inlet;
  /** What the session saw, in order. */
  readonly seen: string[];
  /** Ends the work on the chunk that was taken last. */
  readonly done: (error?: Error) => void;
}

function rig(): Rig {
  const seen: string[] = [];
  let settle: ((error?: Error) => void) | undefined;
  const inlet = new Inlet({
    take: (chunk) => {
      const text = chunk.toString();
      seen.push(text);
      if (text.startsWith('throw')) throw new Error('at once');
      if (!text.startsWith('slow')) return undefined;
      return new Promise((resolve, reject) => {
        settle = (error) => (error === undefined ? resolve() : reject(error));
      });
    },
    failed: (error) => seen.push(`failed: ${error instanceof Error ? error.message : ''}`),
    ended: () => seen.push('ended'),
    free: () => seen.push('free'),
  });
  return { inlet, seen, done: (error) => settle?.(error) };
}

const write = ({ inlet }: Rig, text: string): boolean => inlet.write(Buffer.from(text));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('inlet: a chunk that is answered at once is taken within the call, and the socket goes on', () => {
  const at = rig();
  assert.equal(write(at, 'one'), true);
  assert.equal(write(at, 'two'), true);
  assert.deepEqual(at.seen, ['one', 'two']);
});

test('inlet: what comes while the session works is kept, taken in order, and free is told once at the end', async () => {
  const at = rig();
  assert.equal(write(at, 'slow 1'), false);
  assert.equal(write(at, 'fast'), false);
  assert.equal(write(at, 'slow 2'), false);
  at.inlet.end();
  await turn();
  assert.deepEqual(at.seen, ['slow 1']);
  at.done();
  await turn();
  assert.deepEqual(at.seen, ['slow 1', 'fast', 'slow 2']);
  at.done();
  await turn();
  assert.deepEqual(at.seen.slice(3).sort(), ['ended', 'free']);
  assert.equal(write(at, 'later'), true);
});

test('inlet: an error, thrown or rejected, is told, and what waits behind it is still taken', async () => {
  const at = rig();
  assert.equal(write(at, 'throw'), true);
  assert.equal(write(at, 'slow'), false);
  assert.equal(write(at, 'behind'), false);
  at.done(new Error('later'));
  await turn();
  assert.deepEqual(at.seen, ['throw', 'failed: at once', 'slow', 'failed: later', 'behind', 'free']);
});
