import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DECOY_HASH,
  hashPassword,
  isPasswordHash,
  PASSWORD_OCTETS_MAX,
  passwordTrouble,
  verifyPassword,
} from '../../src/config/password.ts';

test('password: a hash is argon2id with 19 MiB, two passes and one lane, and salted', async () => {
  const [first, second] = await Promise.all([hashPassword('Grüße aus Köln'), hashPassword('Grüße aus Köln')]);
  assert.match(first, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.notEqual(first, second);
});

test('password: only the right one verifies', async () => {
  const made = await hashPassword('correct horse');
  assert.equal(await verifyPassword(made, 'correct horse'), true);
  assert.equal(await verifyPassword(made, 'correct horsf'), false);
  assert.equal(await verifyPassword(made, ''), false);
});

test('password: what is no hash, or too dear to check, matches nothing', async () => {
  const dear = DECOY_HASH.replace('m=19456', 'm=4000000');
  const weak = DECOY_HASH.replace('argon2id', 'argon2i');
  for (const text of ['', 'secret', '$argon2id$', '$argon2id$v=19$m=19456,t=2,p=1$!!$!!', dear, weak]) {
    assert.equal(isPasswordHash(text), false, text);
    assert.equal(await verifyPassword(text, 'secret'), false, text);
  }
});

test('password: the decoy is checked like a real one', async () => {
  assert.equal(isPasswordHash(DECOY_HASH), true);
  assert.match(DECOY_HASH, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.equal(await verifyPassword(DECOY_HASH, 'guess'), false);
});

test('password: empty, over-long and broken ones are told', async () => {
  assert.equal(passwordTrouble('ok'), undefined);
  assert.match(passwordTrouble('') ?? '', /empty/);
  assert.match(passwordTrouble('x'.repeat(PASSWORD_OCTETS_MAX + 1)) ?? '', /longer than 512/);
  assert.match(passwordTrouble('a\0b') ?? '', /NUL/);
  assert.match(passwordTrouble('ab\n') ?? '', /line break/);
  const long = 'x'.repeat(PASSWORD_OCTETS_MAX + 1);
  assert.equal(await verifyPassword(await hashPassword(long), long), false);
});
