// The contract on a real file system and the real index.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realDisk } from '../../src/spool/disk.ts';
import { createLmdbIndex } from '../../src/spool/lmdb-index.ts';
import { spoolContract } from './contract.ts';
import { makeDiskSpool } from './disk-spool-under-test.ts';

spoolContract('disk spool on a real disk', async () => {
  const root = mkdtempSync(join(tmpdir(), 'postilion-spool-'));
  const tested = await makeDiskSpool({ disk: realDisk(root), index: createLmdbIndex(join(root, 'index')) });
  return {
    ...tested,
    async close() {
      await tested.close();
      rmSync(root, { recursive: true });
    },
  };
});
