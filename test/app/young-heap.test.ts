import { equal, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { YOUNG_OCTETS } from '../../src/app/young-heap.ts';

/** Run by itself: what it sets is for a whole process. Prints the octets after each step. */
const SCRIPT = `
import { getHeapSpaceStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
const { freezeYoungHeap, widenYoungHeap } = await import(process.argv[1]);
const octets = () => {
  const kept = [];
  for (let i = 0; i < 800_000; i++) {
    kept.push({ i });
    if (kept.length === 200_000) kept.length = 0;
  }
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size;
};
freezeYoungHeap();
const found = [octets(), widenYoungHeap(), octets()];
// While the thread begins V8 may widen it once, should it be collected just then: so it is empty.
gc({ type: 'minor' });
const worker = new Worker('setInterval(() => {}, 1000)', { eval: true });
await new Promise((resolve) => worker.once('online', resolve));
found.push(octets());
console.log(JSON.stringify(found));
process.exit();
`;

test('young heap: it stays as it is, is widened once, and then stays so, whatever survives and whichever threads begin', () => {
  const file = new URL('../../src/app/young-heap.js', import.meta.url).href;
  const { stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', SCRIPT, file]);
  const [narrow = Infinity, widened, after = Infinity, withThread = Infinity] = JSON.parse(
    String(stdout) || '[]',
  ) as number[];
  // Pages that a collection under way gives and takes are counted; what is widened has twice as much.
  const most = YOUNG_OCTETS * 1.25;
  ok(narrow <= YOUNG_OCTETS / 2, `${narrow} ${stderr}`);
  equal(widened, YOUNG_OCTETS, String(stderr));
  ok(after <= most && withThread <= most, `${after}, with a thread ${withThread}`);
});
