// Spools that earlier programs left behind, kept as they were written: today's program opens them. One folder for each
// format; a format that changes gets a folder more, and this one stays.
import { deepEqual, equal } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { dumpSpool } from '../../src/spool/dump.ts';
import { realDisk } from '../../src/spool/disk.ts';
import { createMemoryIndex } from '../../src/spool/memory-index.ts';
import { viewSpool } from '../../src/spool/offline.ts';
import { verifySpool } from '../../src/spool/verify.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { PROJECT_ROOT } from '../support/tree.ts';

/** One message that is over, one that was deferred once, one for later with key and campaign, one in its own file. */
test('kept format: a spool of format 1 opens, and all that waited in it is there', async (t) => {
  const kept = join(PROJECT_ROOT, 'test/spool/format-1');
  const root = mkdtempSync(join(tmpdir(), 'postilion-format-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const folder of ['segments', 'journal', 'large', 'quarantine']) mkdirSync(join(root, folder));
  for (const name of readdirSync(kept).filter((one) => one.endsWith('.gz'))) {
    const path = join(root, name.replace('_', '/').replace(/\.gz$/, ''));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, gunzipSync(readFileSync(join(kept, name))));
  }
  const wanted: unknown = JSON.parse(readFileSync(join(kept, 'dump.json'), 'utf8'));
  const at = readFileSync(join(kept, 'written-at'), 'utf8');
  const options = {
    root,
    clock: new FakeClock(Date.parse(at)),
    disk: realDisk(root),
    index: createMemoryIndex(),
  };
  const view = await viewSpool(options);
  // As it is printed: without what is undefined.
  deepEqual(JSON.parse(JSON.stringify([...dumpSpool(view)])), wanted);
  const { damaged, unreadable, messages } = await verifySpool(view);
  deepEqual([messages, damaged, unreadable], [3, [], []]);
  await view.close();
  equal(readdirSync(join(root, 'quarantine')).length, 0);
});
