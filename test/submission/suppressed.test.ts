import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IntakeAway } from '../../src/flow/intake.ts';
import { plainToken, withRig } from './rig.ts';

test('suppression at RCPT: asked only for who wants it, of the tenant alone; without an answer the recipient is taken', async () => {
  await withRig({}, async (rig) => {
    const port = await rig.listen('plain');
    const asked = (): number => rig.questions.filter(({ ask }) => ask === 'suppression').length;
    const rcpt = async (user: string): Promise<string> => {
      const client = rig.client(port);
      await client.reply();
      await client.command('EHLO client.test');
      await client.command(`AUTH PLAIN ${plainToken(user, `secret-${user}`)}`);
      await client.command('MAIL FROM:<a@example.com>');
      return String(await client.command('RCPT TO:<Gone@EXAMPLE.net>'));
    };
    rig.answer = async ({ ask }) =>
      ask === 'suppression' ? { answer: 'suppressed', reason: 'complaint' } : { answer: 'yes' };
    assert.match(await rcpt('app'), /250/);
    assert.equal(asked(), 0);
    assert.match(await rcpt('refusing'), /550.5\.7\.1/);
    assert.deepEqual(
      rig.questions.find(({ ask }) => ask === 'suppression'),
      { ask: 'suppression', recipient: { mailbox: 'Gone@EXAMPLE.net', domain: 'example.net', tenant: 'default' } },
    );
    rig.answer = ({ ask }) =>
      ask === 'suppression' ? Promise.reject(new IntakeAway('away')) : Promise.resolve({ answer: 'yes' });
    assert.match(await rcpt('refusing'), /250/);
    assert.equal(asked(), 2);
  });
});
