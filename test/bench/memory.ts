// `npm run bench -- memory [--messages 100000]`: that many messages of 20 KB wait for a host that does not answer: how
// much memory that takes, single and split, and how soon a relay that finds them accepts again.
import { rmSync } from 'node:fs';
import { freePort, newRunDir, Relay, sleep, source } from './driver.ts';

const LOAD = { sizeOctets: 20 * 1024, sessions: 20 };
const MEGA = 1024 * 1024;
/** For what was begun to be written down. */
const SETTLE_MS = 5000;

export async function benchMemory(start: string, messages: number): Promise<void> {
  console.log(`${messages} messages of 20 KB wait: memory that no file backs; from the start to the first greeting`);
  console.log('| processes | accepted | after a restart | restart to accepting |\n| --- | --- | --- | --- |');
  for (const processes of ['single', 'split']) {
    const runDir = newRunDir();
    try {
      const [port, nobody] = [await freePort(), await freePort()];
      const open = (): Relay => new Relay(start, port, nobody, { PROCESSES: processes, RETRY: '1h' }, { runDir });
      const first = open();
      await first.greeting();
      await source(port, LOAD, messages);
      await sleep(SETTLE_MS);
      const before = first.anonymousOctets();
      await first.close(true);
      const begun = performance.now();
      const second = open();
      await second.greeting();
      const seconds = (performance.now() - begun) / 1000;
      await sleep(SETTLE_MS);
      const after = second.anonymousOctets();
      await second.close(true);
      const cells = [before, after].map((octets) => `${Math.round(octets / MEGA)} MB`);
      console.log(`| ${processes} | ${cells.join(' | ')} | ${seconds.toFixed(2)} s |`);
    } finally {
      rmSync(runDir, { recursive: true, force: true });
    }
  }
}
