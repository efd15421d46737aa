import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT, OperatorError } from '../../src/base/errors.ts';
import type { DumpedMessage, SpoolTools } from '../../src/cli/spool-tools.ts';
import { stage } from './stage.ts';

const dumped: DumpedMessage = {
  id: '01k9zq3v5m8w2x4y6z7a9b1c3d',
  accepted_at: Date.UTC(2026, 0, 2, 3, 4, 5),
  user: 'app1',
  tenant: 'default',
  stream: 'default',
  reverse_path: '',
  forward_paths: ['a@example.net', 'b@example.net', 'c@example.net'],
  size: 20,
  sha256: 'ab',
  body_sha256: 'cd',
  state: 'queued',
};

const held = (): never => {
  throw new OperatorError('the spool is in use by process 5: stop the relay first', EXIT.configuration);
};
const tools = (changes: Partial<SpoolTools>): { readonly spool: SpoolTools } => ({
  spool: { verify: held, dump: held, rebuild: held, export: held, import: held, ...changes },
});

test('spool verify and rebuild: what is whole is 0, what is damaged is 1 and named', async (t) => {
  const at = stage(t);
  const whole = { messages: 1200, deliveries: 1300, troubles: [] };
  const hurt = { ...whole, troubles: [{ file: 's-1.seg', offset: 4096, text: 'checksum does not hold' }] };
  const good = await at.run(['spool', 'verify'], tools({ verify: async () => whole }));
  assert.deepEqual(good, { code: EXIT.ok, out: '1,200 messages with 1,300 deliveries; all is whole\n', note: '' });
  for (const [command, changes] of [
    ['verify', { verify: async () => hurt }],
    ['rebuild', { rebuild: async () => hurt }],
  ] as const) {
    const bad = await at.run(['spool', command], tools(changes));
    assert.equal(bad.code, EXIT.no);
    assert.equal(
      bad.out,
      's-1.seg at octet 4,096: checksum does not hold\n1,200 messages with 1,300 deliveries; 1 damaged\n',
    );
    assert.deepEqual(JSON.parse((await at.run(['spool', command, '--json'], tools(changes))).out), hurt);
  }
});

test('spool dump: one line a message, for people or for programs', async (t) => {
  const at = stage(t);
  const dump = tools({
    async *dump() {
      yield dumped;
      yield dumped;
    },
  });
  const line = '01k9zq3v5m8w2x4y6z7a9b1c3d 2026-01-02T03:04:05.000Z queued 20 <> <a@example.net> and 2 more\n';
  assert.equal((await at.run(['spool', 'dump'], dump)).out, line + line);
  const [first, second, end] = (await at.run(['spool', 'dump', '--json'], dump)).out.split('\n');
  assert.deepEqual([JSON.parse(first ?? ''), JSON.parse(second ?? ''), end], [dumped, dumped, '']);
});

test('spool export and import: the folder is passed on and the counts are told', async (t) => {
  const at = stage(t);
  const seen: string[] = [];
  const both = tools({
    export: async (folders, target) => {
      seen.push(`${folders.spool} ${target}`);
      return 1000;
    },
    import: async (folders, source) => {
      seen.push(`${folders.spool} ${source}`);
      return { taken: 2, skipped: 1 };
    },
  });
  assert.equal((await at.run(['spool', 'export', '/x'], both)).out, '1,000 messages written to /x\n');
  assert.equal((await at.run(['spool', 'import', '/y'], both)).out, '2 messages taken in, 1 was there already\n');
  assert.deepEqual(seen, [`${at.spoolDir} /x`, `${at.spoolDir} /y`]);
});

test('spool commands: while a relay runs on it each says so with 78', async (t) => {
  const at = stage(t);
  for (const args of [['verify'], ['dump'], ['rebuild'], ['export', '/x'], ['import', '/x']]) {
    const ran = await at.run(['spool', ...args], tools({}));
    assert.deepEqual(
      [ran.code, ran.note],
      [EXIT.configuration, 'postilion: the spool is in use by process 5: stop the relay first\n'],
      args[0],
    );
  }
});
