import assert from 'node:assert/strict';
import { test } from 'node:test';
import { steer } from '../../src/trial/steering.ts';

test('steering: the local part says what happens', () => {
  const table: [string, boolean, string][] = [
    ['anna@example.com', false, 'accept'],
    ['550@example.com', false, '550 5.1.1'],
    ['550+tag@example.com', false, '550 5.1.1'],
    ['421@example.com', false, '421 4.3.2'],
    ['499@example.com', false, 'accept'],
    ['greylist@example.com', false, '451 4.7.1'],
    ['GREYLIST+x@example.com', true, 'accept'],
    ['full@example.com', false, '452 4.2.2'],
    ['spam@example.com', false, '550 5.7.1'],
    ['slow@example.com', false, 'slow'],
    ['drop@example.com', false, 'drop'],
    ['', false, 'accept'],
  ];
  for (const [mailbox, seen, want] of table) {
    const given = steer(mailbox, seen);
    const said = given.do === 'refuse' || given.do === 'refuse-content' ? given.reply : given.do;
    assert.ok(said.startsWith(want), `${mailbox}: ${said}`);
  }
  const end = steer('421@example.com', false);
  assert.ok(end.do === 'refuse' && end.close);
});
