// `npm run bench -- suppress [--entries 100000]`: a suppression list on the disk spool with LMDB. Prints what a million
// entries would take, scaled from the count given, and the time of a look-up; asserts nothing.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { seededRandom, systemRandom } from '../../src/base/random.ts';
import type { Domain, Mailbox } from '../../src/flow/message.ts';
import { newMessageId } from '../../src/flow/message-id.ts';
import type { Suppression } from '../../src/flow/suppression.ts';
import { placeOf } from '../../src/policy/suppression-page.ts';
import { Suppressions } from '../../src/scheduler/suppressions.ts';
import { openDiskSpool } from '../../src/spool/disk-spool.ts';

const REPLIES = [
  "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address",
  '550 5.4.1 Recipient address rejected: Access denied. AS(201806281)',
  '552 5.2.2 <R>: user is over quota',
  "554 delivery error: dd This user doesn't have a yahoo.com account (R) [0]",
];

const LOOK_UPS = 20_000;

export async function measureSuppressions(count: number): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'postilion-suppress-'));
  const random = seededRandom(1);
  const deps = { clock: systemClock, random: systemRandom, log: silentLog };
  const spool = openDiskSpool({ root, historyMs: 7 * 86_400_000 }, deps);
  await spool.start();
  const list = new Suppressions({ ...deps, spool, onAlarm: (_, text) => console.error(text) });
  const { salt, events } = list.salt();
  spool.record(events);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random.next() * all.length)] as T;
  const address = (n: number): string =>
    `first.last${n}@${pick(['gmail.com', 'yahoo.com', `host${n % 9973}.example`])}`;
  const entries = Array.from({ length: count }, (_, n): Suppression => {
    const who = address(n);
    return {
      address: who,
      scope: pick(['global', 'tenant/acme', 'tenant/default']),
      reason: pick(['recipient-unknown', 'recipient-disabled', 'recipient-full']),
      at: 1_770_000_000_000 + n * 1000,
      until: systemClock.now() + 86_400_000 + n * 1000,
      by: `rule text-${n % 40}`,
      messageId: newMessageId(1_770_000_000_000 + n * 1000, random),
      reply: pick(REPLIES).replace('R', who),
    };
  });
  const pages = new Map(entries.map((entry) => [entry, placeOf(entry.address, salt).page]));
  entries.sort((a, b) => (pages.get(a) ?? 0) - (pages.get(b) ?? 0));
  for (let at = 0; at < count; at += 400) {
    spool.record(list.add(entries.slice(at, at + 400), 'operator').events);
    await spool.durable();
    if (at % 20_000 === 0) await spool.checkpoint();
  }
  await spool.checkpoint();
  for (const folder of ['index', 'journal']) {
    const octets = readdirSync(join(root, folder)).reduce(
      (sum, name) => sum + statSync(join(root, folder, name)).size,
      0,
    );
    console.log(`${folder}: ${(octets / 1e6).toFixed(1)} MB of ${count}; a million: ${(octets / count).toFixed(0)} MB`);
  }
  const ask = (name: string): boolean => {
    const domain = name.slice(name.lastIndexOf('@') + 1) as Domain;
    return list.find({ mailbox: name as Mailbox, domain, tenant: 'acme', stream: 'bulk' }) !== undefined;
  };
  const asked = Array.from({ length: LOOK_UPS }, () => pick(entries).address);
  for (const [what, names] of [
    ['on the list', asked],
    ['not on it', asked.map((name) => `x${name}`)],
  ] as const) {
    for (const turn of ['first', 'again']) {
      const began = systemClock.monotonic();
      let found = 0;
      for (const name of names) if (ask(name)) found++;
      const us = ((systemClock.monotonic() - began) * 1000) / LOOK_UPS;
      console.log(`look-up of an address ${what}, ${turn}: ${us.toFixed(1)} us (${found} of ${LOOK_UPS} held back)`);
    }
  }
  await spool.close();
  rmSync(root, { recursive: true });
}
