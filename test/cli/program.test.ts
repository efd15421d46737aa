import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT, InvariantError, OperatorError } from '../../src/base/errors.ts';
import { COMMANDS } from '../../src/cli/program.ts';
import { referenceYaml } from '../../src/config/reference.ts';
import { stage } from './stage.ts';

test('program: help shows every command, each with examples that begin with its words', async (t) => {
  const at = stage(t);
  const help = await at.run(['help']);
  assert.equal(help.code, EXIT.ok);
  assert.match(help.out, /Exit codes: 0 done; 1 the answer is no/);
  for (const { words, summary, examples } of COMMANDS) {
    const own = await at.run(['help', ...words]);
    const viaOption = await at.run([...words, '--help']);
    assert.equal(own.code, EXIT.ok);
    if (words.length === 1) assert.equal(viaOption.out, own.out);
    assert.match(viaOption.out, /--config <folder>/, words.join(' '));
    assert.ok(viaOption.out.replace(/\s+/g, ' ').includes(summary), words.join(' '));
    assert.ok(help.out.includes(words[0]), words.join(' '));
    for (const [line] of examples) assert.match(line, new RegExp(`^postilion .*${words[0]}`), line);
    assert.ok(viaOption.out.includes(examples[0]?.[0] ?? ' no example'), words.join(' '));
  }
});

test('program: wrong usage is 64 and says what was meant', async (t) => {
  const at = stage(t);
  const table: [string[], RegExp][] = [
    [['srve'], /unknown command 'srve'[^]*serve/],
    [['queue', 'puase'], /(too many arguments|unknown command)/],
    [['queue', '--domans', '3'], /unknown option '--domans'[^]*--domains/],
    [['queue', '--domains', 'x'], /--domains takes a number up to 10000, not 'x'/],
    [['queue', '--domains', '3', '--domains', '4'], /--domains is given twice/],
    [['user', 'add'], /missing required argument 'name'/],
    [['user'], /Usage: postilion user/],
    [[], /Usage: postilion/],
    [['message', 'show', 'nonsense'], /'nonsense' is no message id/],
    [['queue', 'pause', '--tenant', 'a', '--domain', 'b'], /choose one/],
    [['queue', 'pause', '--campaign', 'spring'], /takes TENANT\/NAME/],
  ];
  for (const [args, words] of table) {
    const ran = await at.run(args);
    assert.equal(ran.code, EXIT.usage, args.join(' '));
    assert.match(ran.note, words, args.join(' '));
    assert.equal(ran.out, '', args.join(' '));
  }
});

test('program: the version, and the folder from the environment', async (t) => {
  const at = stage(t);
  assert.deepEqual(await at.run(['--version']), { code: EXIT.ok, out: '1.2.3\n', note: '' });
  const nowhere = await at.run(['--config', '/nowhere', 'queue']);
  assert.equal(nowhere.code, EXIT.configuration);
  assert.match(nowhere.note, /\/nowhere has no postilion.yaml/);
});

test('program: a bug is not swallowed, and a failure is JSON when JSON is asked for', async (t) => {
  const at = stage(t);
  await assert.rejects(
    at.run(['serve'], {
      serve: async () => {
        throw new InvariantError('planted');
      },
    }),
    InvariantError,
  );
  const ran = await at.run(['--json', 'serve'], {
    serve: async () => {
      throw new OperatorError('port 25 is in use', EXIT.portInUse);
    },
  });
  assert.deepEqual([ran.code, JSON.parse(ran.note)], [71, { error: { message: 'port 25 is in use', exit_code: 71 } }]);
});

test('serve: it is given the configuration, and a bad one is 78 with every problem', async (t) => {
  const at = stage(t);
  let seen = '';
  const good = await at.run(['serve'], {
    serve: async (config, configDir) => {
      seen = `${config.hostname} ${config.number} ${configDir}`;
      return EXIT.no;
    },
  });
  assert.deepEqual([good.code, seen], [EXIT.no, `relay.example.com 1 ${at.configDir}`]);
  assert.match(
    good.out,
    /^SETTING +VALUE\n[^]*\nhostname +relay.example.com\n[^]*listeners\[0\].address +127.0.0.1:2525\n/,
  );
  writeFileSync(join(at.configDir, 'postilion.yaml'), 'hostnam: x\nlog: { level: loud }');
  const bad = await at.run(['serve'], { serve: () => assert.fail('it must not run') });
  assert.equal(bad.code, EXIT.configuration);
  assert.match(bad.note, /postilion.yaml:1:1: hostnam: no such setting[^]*postilion.yaml:2:15: log.level/);
});

test('config show: what files put in force, and all with --all, as a table and for programs', async (t) => {
  const at = stage(t, { 'sending.yaml': 'streams: { bulk: { lifetime: 2d } }' });
  const few = (await at.run(['config', 'show'])).out;
  assert.match(few, /\nstreams.bulk.lifetime +2d\n/);
  assert.doesNotMatch(few, /limits.message/);
  const { settings } = JSON.parse((await at.run(['config', 'show', '--all', '--json'])).out) as { settings: object[] };
  assert.deepEqual(
    settings.find((one) => 'setting' in one && one.setting === 'limits.message'),
    { setting: 'limits.message', value: '50MB', is_default: true },
  );
});

test('check: right, wrong and surprising', async (t) => {
  const at = stage(t, { 'sending.yaml': 'users: { app1: }' });
  const right = await at.run(['check']);
  assert.equal(right.code, EXIT.ok);
  assert.match(
    right.out,
    /^warning: users.app1 has rights but no password: postilion user add app1\n.*: all is right\n$/,
  );
  writeFileSync(join(at.spoolDir, 'users.yaml'), 'users: { a: secret }');
  const users = await at.run(['check']);
  assert.equal(users.code, EXIT.configuration);
  assert.match(users.out, /users.yaml:1:10: a: is no argon2id hash.*\n.*: 1 problem\n$/);
  writeFileSync(join(at.configDir, 'sending.yaml'), 'cups:\ncaps: { connections: 0 }');
  const wrong = await at.run(['check', '--json']);
  assert.equal(wrong.code, EXIT.configuration);
  const { ok, problems } = JSON.parse(wrong.out) as { ok: boolean; problems: { line: number; setting: string }[] };
  assert.equal(ok, false);
  assert.deepEqual(
    problems.map(({ line, setting }) => [line, setting]),
    [
      [1, 'cups'],
      [2, 'caps.connections'],
    ],
  );
});

test('check: an address that is not on this host is a warning, and a problem with --strict', async (t) => {
  const at = stage(t, {
    'sending.yaml': 'sources: { out1: { address: 192.0.2.25 } }\npools: { default: { sources: [out1] } }',
  });
  const ran = await at.run(['check']);
  assert.equal(ran.code, EXIT.ok);
  assert.match(ran.out, /^warning: sources.out1: its address 192.0.2.25 is not on this host\n.*: all is right\n$/);
  const strict = await at.run(['check', '--strict']);
  assert.equal(strict.code, EXIT.configuration);
  assert.match(strict.out, /: 1 problem\n$/);
});

test('config describe: prints the reference', async (t) => {
  const at = stage(t);
  assert.equal((await at.run(['config', 'describe'])).out, referenceYaml());
  const schemas = JSON.parse((await at.run(['config', 'describe', '--json'])).out) as object;
  assert.deepEqual(Object.keys(schemas), ['postilion.schema.json', 'sending.schema.json', 'warmup.schema.json']);
});
