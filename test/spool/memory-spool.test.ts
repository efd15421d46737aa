import { createMemorySpool } from '../../src/spool/memory-spool.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { spoolContract } from './contract.ts';
import { T0 } from './mail.ts';

spoolContract('memory spool', async () => {
  const clock = new FakeClock(T0);
  const spool = createMemorySpool({ clock });
  await spool.start();
  let offset = 4096;
  return {
    spool,
    clock,
    async put(message) {
      const location = { segment: 's-0-test.seg', offset, length: 400 };
      offset += location.length;
      return { message, location };
    },
    close: () => spool.close(),
  };
});
