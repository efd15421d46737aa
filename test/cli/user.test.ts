import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import { verifyPassword } from '../../src/config/password.ts';
import { loadUsers } from '../../src/config/users.ts';
import { type Stage, stage } from './stage.ts';

async function accepts(at: Stage, name: string, password: string): Promise<boolean> {
  const loaded = loadUsers(at.spoolDir);
  const user = 'users' in loaded ? loaded.users.find((each) => each.name === name) : undefined;
  return user !== undefined && verifyPassword(user.hash, password);
}

test('user add: with no relay running the password of the input is kept, hashed, for the next start', async (t) => {
  const at = stage(t);
  const ran = await at.run(['user', 'add', 'app1'], { input: 'correct horse\n' });
  assert.deepEqual(ran, {
    code: EXIT.ok,
    out: '',
    note: 'app1: added; no relay is running here: in force from its next start\n',
  });
  assert.equal(await accepts(at, 'app1', 'correct horse'), true);
  assert.equal(statSync(join(at.spoolDir, 'users.yaml')).mode & 0o777, 0o600);
  assert.doesNotMatch(readFileSync(join(at.spoolDir, 'users.yaml'), 'utf8'), /horse/);
});

test('user add: a running relay takes it over at once', async (t) => {
  const at = stage(t);
  const asked = await at.relay({ 'POST /v1/users/reload': { body: { users: 1 } } });
  const ran = await at.run(['user', 'add', 'app1', '--json'], { input: 'secret' });
  assert.deepEqual(JSON.parse(ran.out), { name: 'app1', added: true, in_force: true });
  assert.deepEqual(asked, ['POST /v1/users/reload']);
});

test('user add: what the relay cannot take over is told, and the file is written all the same', async (t) => {
  const at = stage(t);
  const answer = { status: 422, body: { error: 'configuration', message: 'users.yaml:2:3: is no hash' } };
  await at.relay({ 'POST /v1/users/reload': answer });
  const ran = await at.run(['user', 'add', 'app1'], { input: 'secret' });
  assert.equal(ran.code, EXIT.configuration);
  assert.match(ran.note, /the file is written.*\npostilion: users.yaml:2:3: is no hash/);
  assert.equal(await accepts(at, 'app1', 'secret'), true);
});

test('user add: on a terminal the password is asked twice, and nothing changes unless both are the same', async (t) => {
  const at = stage(t);
  const same = await at.run(['user', 'add', 'app1'], { typed: ['one', 'one'] });
  assert.equal(same.code, EXIT.ok);
  assert.match(same.note, /^Password of app1: Again: app1: added/);
  const differ = await at.run(['user', 'add', 'app1'], { typed: ['two', 'tow'] });
  assert.equal(differ.code, EXIT.no);
  assert.match(differ.note, /not the same; nothing was changed/);
  const left = await at.run(['user', 'add', 'app1'], { typed: [] });
  assert.equal(left.code, EXIT.no);
  assert.equal(await accepts(at, 'app1', 'one'), true);
  const again = await at.run(['user', 'add', 'app1'], { typed: ['two', 'two'] });
  assert.match(again.note, /app1: new password/);
  assert.equal(await accepts(at, 'app1', 'two'), true);
});

test('user add: a made password stands alone on the output and logs in', async (t) => {
  const at = stage(t);
  const ran = await at.run(['user', 'add', 'app1', '--generate']);
  assert.match(ran.out, /^[a-z2-9]{24}\n$/);
  assert.equal(await accepts(at, 'app1', ran.out.trim()), true);
});

test('user add: unfit names and passwords are wrong usage', async (t) => {
  const at = stage(t);
  for (const [name, input] of [
    ['a b', 'x'],
    ['-x', 'x'],
    ['app', ''],
    ['app', '\n'],
    ['app', 'a\nb\n'],
    ['', 'x'],
  ]) {
    const ran = await at.run(['user', 'add', '--', name ?? ''], { input: input ?? '' });
    assert.equal(ran.code, EXIT.usage, JSON.stringify([name, input, ran]));
  }
  assert.deepEqual(loadUsers(at.spoolDir), { users: [] });
});

test('user remove: it is gone; one that is not there is a no', async (t) => {
  const at = stage(t);
  await at.run(['user', 'add', 'app1'], { input: 'x' });
  const asked = await at.relay({ 'POST /v1/users/reload': { body: { users: 0 } } });
  const ran = await at.run(['user', 'remove', 'app1']);
  assert.deepEqual([ran.code, ran.out], [EXIT.ok, 'app1: removed; in force now\n']);
  assert.deepEqual(asked, ['POST /v1/users/reload']);
  const again = await at.run(['user', 'remove', 'app1']);
  assert.deepEqual([again.code, again.note], [EXIT.no, 'postilion: there is no user app1\n']);
});

test('user list: names with their rights; never a hash', async (t) => {
  const at = stage(t, {
    'sending.yaml': 'users: { app1: { recipients: 500/h, domains: [a.example, b.example] }, net: }',
  });
  await at.run(['user', 'add', 'app1'], { input: 'x' });
  await at.run(['user', 'add', 'other'], { input: 'x' });
  const { out } = await at.run(['user', 'list']);
  assert.equal(
    out,
    [
      'USER   PASSWORD  TENANT   STREAM   RATE  RECIPIENTS  DOMAINS              NETWORKS',
      'app1   yes       default  default  any   500/h       a.example b.example  any',
      'net    no        default  default  any   any         any                  any',
      'other  yes       default  default  any   any         any                  any',
      '',
    ].join('\n'),
  );
  const json = (await at.run(['user', 'list', '--json'])).out;
  assert.doesNotMatch(json, /argon2/);
  assert.deepEqual(
    (JSON.parse(json) as { name: string; password: boolean }[]).map(({ name, password }) => [name, password]),
    [
      ['app1', true],
      ['net', false],
      ['other', true],
    ],
  );
});
