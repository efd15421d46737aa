// End to end: what each provider of the trial world says leads to its category and its actions, in the real relay, and to
// nothing else: the suppression list holds those that are gone, and nobody who was blocked, throttled or full.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { outcomeOf, place, PROGRAM, send, startTrial } from './program.ts';

const DOMAINS = ['gmail.com', 'yahoo.com', 'outlook.com', 'example.com'];

/** By the word that steers: outcome, category, actions. */
const SAID: Readonly<Record<string, readonly [outcome: string, category: string, actions: readonly string[]]>> = {
  unknown: ['failed', 'recipient-unknown', ['fail', 'suppress global']],
  550: ['failed', 'recipient-unknown', ['fail', 'suppress global']],
  552: ['failed', 'recipient-full', ['fail', 'suppress global for 30d after 5 in 14d']],
  full: ['deferred', 'recipient-full', ['retry slow', 'suppress global for 30d after 5 in 14d']],
  spam: ['failed', 'spam-content', ['fail']],
  554: ['failed', 'policy', ['fail']],
  greylist: ['deferred', 'greylist', ['retry greylist']],
  451: ['deferred', 'remote-error', ['retry normal']],
  452: ['deferred', 'remote-error', ['retry normal']],
};

test('trial: what each provider says has its category and its actions, and only who is gone is suppressed', async (t) => {
  const here = place(t);
  const trial = await startTrial(t, here);
  for (const domain of DOMAINS) {
    const to = Object.keys(SAID).map((word) => `${word}@${domain}`);
    // One message each: a reply to the whole transaction is about no mailbox of several.
    for (const one of to) assert.equal(send(here, '--to', one).code, 0);
  }
  for (const domain of DOMAINS) {
    for (const [word, [outcome, category, actions]] of Object.entries(SAID)) {
      const event = await outcomeOf(trial, `${word}@${domain}`, outcome);
      assert.equal(event.category, category, `${word}@${domain}: ${event.rule}`);
      assert.deepEqual(event.actions, actions, `${word}@${domain}: ${event.rule}`);
    }
  }
  const listed = spawnSync(process.execPath, [PROGRAM, '--config', trial.facts.config, '--json', 'suppress', 'list'], {
    encoding: 'utf8',
  });
  const entries = JSON.parse(listed.stdout) as { address: string; reason: string; reply: string; message_id: string }[];
  const gone = DOMAINS.flatMap((domain) => [`550@${domain}`, `unknown@${domain}`]);
  assert.deepEqual(entries.map(({ address }) => address).toSorted(), gone.toSorted());
  assert.ok(
    entries.every(
      ({ reason, reply, message_id: id }) => reason === 'recipient-unknown' && reply.startsWith('550') && id,
    ),
  );

  assert.equal(send(here, '--to', gone.join(',')).code, 0);
  for (const address of gone) await outcomeOf(trial, address, 'suppressed');
  trial.child.kill('SIGTERM');
  assert.equal(await trial.code, 0);
});
