import { seededRandom } from '../../src/base/random.ts';
import { createMemoryIndex } from '../../src/spool/memory-index.ts';
import { FakeDisk } from '../support/fake-disk.ts';
import { spoolContract } from './contract.ts';
import { makeDiskSpool } from './disk-spool-under-test.ts';

spoolContract('disk spool', () =>
  makeDiskSpool({ disk: new FakeDisk({ random: seededRandom(1) }), index: createMemoryIndex() }),
);
