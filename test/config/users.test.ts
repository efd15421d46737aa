import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { EXIT, OperatorError } from '../../src/base/errors.ts';
import { DECOY_HASH } from '../../src/config/password.ts';
import { changeUsers, formatUsers, loadUsers, parseUsers, withoutUser, withUser } from '../../src/config/users.ts';

function spoolFolder(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'postilion-users-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

const add = (name: string) => (users: Parameters<typeof withUser>[0]) => withUser(users, { name, hash: DECOY_HASH });
const code = (exitCode: number, words: RegExp) => (error: unknown) =>
  error instanceof OperatorError && error.exitCode === exitCode && words.test(error.message);

test('users file: what was written is read back, in order, mode 0600, and holds names and hashes only', (t) => {
  const spool = spoolFolder(t);
  assert.deepEqual(loadUsers(spool), { users: [] });
  changeUsers(spool, add('b'));
  changeUsers(spool, add('app@example.com'));
  const users = changeUsers(spool, add('constructor'));
  assert.deepEqual(
    users.map(({ name }) => name),
    ['app@example.com', 'b', 'constructor'],
  );
  assert.deepEqual(loadUsers(spool), { users });
  assert.equal(statSync(join(spool, 'users.yaml')).mode & 0o777, 0o600);
  assert.equal(existsSync(join(spool, 'users.yaml.new')), false);
  changeUsers(spool, (before) => withoutUser(before, 'b'));
  const left = loadUsers(spool);
  assert.deepEqual('users' in left && left.users.map(({ name }) => name), ['app@example.com', 'constructor']);
});

test('users file: a failed change leaves the old file and no other', (t) => {
  const spool = spoolFolder(t);
  changeUsers(spool, add('a'));
  const before = readFileSync(join(spool, 'users.yaml'), 'utf8');
  assert.throws(
    () =>
      changeUsers(spool, () => {
        throw new Error('no');
      }),
    /no/,
  );
  assert.equal(readFileSync(join(spool, 'users.yaml'), 'utf8'), before);
  assert.equal(existsSync(join(spool, 'users.yaml.new')), false);
});

test('users file: of two changes at once the second is told to try again; what a crash left behind is no lock', (t) => {
  const spool = spoolFolder(t);
  const next = join(spool, 'users.yaml.new');
  writeFileSync(next, 'half');
  assert.throws(() => changeUsers(spool, add('a')), code(EXIT.tryAgain, /try again/));
  assert.equal(readFileSync(next, 'utf8'), 'half', 'it belongs to the other');
  const old = new Date(1_600_000_000_000);
  utimesSync(next, old, old);
  assert.deepEqual(changeUsers(spool, add('a')).length, 1);
});

test('users file: trouble is told with its place, and nothing is written over what cannot be read', (t) => {
  const spool = spoolFolder(t);
  const path = join(spool, 'users.yaml');
  writeFileSync(path, 'users:\n  a: secret\n  "b c": x\n');
  const loaded = loadUsers(spool);
  assert.deepEqual(
    'problems' in loaded && loaded.problems.map(({ line, column, message }) => [line, column, message.slice(0, 26)]),
    [
      [2, 3, 'a: is no argon2id hash; se'],
      [3, 3, "'b c' cannot be the name o"],
    ],
  );
  assert.throws(() => changeUsers(spool, add('c')), code(EXIT.configuration, /users.yaml:2:3/));
  assert.match(readFileSync(path, 'utf8'), /secret/);
});

test('users file: before the first start its folder is made, for the owner alone', (t) => {
  const spool = join(spoolFolder(t), 'var', 'spool');
  changeUsers(spool, add('a'));
  assert.equal(statSync(spool).mode & 0o777, 0o700);
  assert.equal(statSync(join(spool, 'users.yaml')).mode & 0o777, 0o600);
  writeFileSync(join(spool, 'file'), '');
  assert.throws(
    () => changeUsers(join(spool, 'file', 'x'), add('a')),
    code(EXIT.permission, /cannot be (made|written)/),
  );
});

test('users file: other shapes are refused, nothing at all is no user', () => {
  for (const text of ['', 'users:\n', '# x\n', formatUsers([])]) assert.deepEqual(parseUsers(text), { users: [] });
  for (const text of [
    '[]',
    '5',
    'users: []',
    'a: b',
    'users: {}\nother: 1',
    'users: {a: {}}',
    'users: {a: }',
    'a: [',
  ]) {
    assert.ok('problems' in parseUsers(text), text);
  }
});

test('users file: a folder that must not be written is a matter of permission', {
  skip: process.getuid?.() === 0 ? 'root may write anywhere' : false,
}, (t) => {
  const spool = join(spoolFolder(t), 'spool');
  mkdirSync(spool);
  chmodSync(spool, 0o500);
  assert.throws(() => changeUsers(spool, add('a')), code(EXIT.permission, /permission denied/));
});
