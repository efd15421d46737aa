import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { EXIT, OperatorError } from '../../src/base/errors.ts';
import { momentText } from '../../src/base/duration.ts';
import { instantText, sizeText } from '../../src/cli/moment.ts';
import { progressText, withProgress } from '../../src/cli/progress.ts';
import { printable, tableText } from '../../src/cli/table.ts';
import { type Terminal, terminalOn } from '../../src/cli/terminal.ts';
import { FakeClock } from '../support/fake-clock.ts';

interface Screen {
  readonly terminal: Terminal;
  readonly stdin: PassThrough;
  readonly raw: boolean[];
  shown(): string;
}

function screen(): Screen {
  const raw: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) });
  const stderr = Object.assign(new PassThrough(), { isTTY: true, columns: 60 });
  let text = '';
  stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const terminal = terminalOn({ stdin, stdout: new PassThrough(), stderr });
  return { terminal, stdin, raw, shown: () => text };
}

const code = (exitCode: number) => (error: unknown) => error instanceof OperatorError && error.exitCode === exitCode;

test('terminal: a secret is read without being shown, and can be corrected', async () => {
  const { terminal, stdin, raw, shown } = screen();
  const answer = terminal.askSecret('Password: ');
  stdin.write('wrong\u0015secrx\u007fet');
  stdin.write('ü\r');
  assert.equal(await answer, 'secretü');
  assert.equal(shown(), 'Password: \n');
  assert.deepEqual(raw, [true, false]);
});

test('terminal: Ctrl-C, Ctrl-D and the end of the input give up, and the screen is as before', async () => {
  for (const key of ['\u0003', '\u0004', '']) {
    const { terminal, stdin, raw } = screen();
    const answer = terminal.askSecret('Password: ');
    if (key === '') stdin.end();
    else stdin.write(key);
    await assert.rejects(answer, code(EXIT.no));
    assert.deepEqual(raw, [true, false]);
  }
});

test('terminal: the whole input is read, to a bound', async () => {
  const at = screen();
  at.stdin.end('secret\n');
  assert.equal(await at.terminal.readAll(100), 'secret\n');
  const long = screen();
  long.stdin.end('x'.repeat(101));
  await assert.rejects(long.terminal.readAll(100), code(EXIT.usage));
});

test('terminal: whoever closes the output early ends no command', async () => {
  const broken = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('broken pipe'), { code: 'EPIPE' })),
  });
  const terminal = terminalOn({ stdin: new PassThrough(), stdout: broken, stderr: new PassThrough() });
  for (let line = 0; line < 10; line++) await terminal.out('x'.repeat(100_000));
  assert.equal(terminal.outColumns, undefined);
  assert.equal(terminal.canAsk, false);
});

test('table: columns stand side by side, the screen cuts, control characters do nothing', () => {
  const columns = [
    { title: 'name', of: ([name]: readonly string[]) => name ?? '' },
    { title: 'n', of: ([, n]: readonly string[]) => n ?? '', align: 'right' as const },
  ];
  const rows = [
    ['grün', '1'],
    ['a\u001b[2J\n', '1234'],
  ];
  assert.equal(tableText(columns, rows), 'NAME       N\ngrün       1\na?[2J?  1234\n');
  assert.equal(tableText(columns, rows, 6), 'NAME …\ngrün …\na?[2J…\n');
  assert.equal(printable('a\u202eb\u0000'), 'a?b?');
});

test('progress: a bar on a screen, gone at the end, and nothing where there is none', async () => {
  assert.equal(progressText('verify', 50, 100), `verify [${'#'.repeat(15)}${'.'.repeat(15)}]  50 %  50 of 100`);
  assert.equal(progressText('verify', 0, 0), `verify [${'#'.repeat(30)}] 100 %  0 of 0`);
  assert.equal(progressText('verify', 1234, undefined), 'verify: 1,234');
  const { terminal, shown } = screen();
  const clock = new FakeClock();
  const result = await withProgress({ terminal, clock }, 'verify', async (tell) => {
    tell(1, undefined);
    tell(2, undefined);
    return 'done';
  });
  assert.equal(result, 'done');
  assert.equal(shown(), `\rverify: 1\r${' '.repeat(9)}\r`, 'the second came too soon to be drawn');
  const plain = { ...terminal };
  delete (plain as { noteColumns?: number }).noteColumns;
  const before = shown();
  await withProgress({ terminal: plain, clock }, 'verify', async (tell) => tell(1, 2));
  assert.equal(shown(), before);
});

test('moments and sizes: in few words', () => {
  const now = Date.UTC(2026, 0, 1);
  assert.equal(instantText(now), '2026-01-01T00:00:00.000Z');
  const table: [number, string][] = [
    [0, 'now'],
    [300_000, 'in 5m'],
    [-12_000_000, '3h20m ago'],
    [100_000_000, 'in 1d4h'],
  ];
  for (const [apart, words] of table) assert.equal(momentText(now + apart, now), words);
  assert.deepEqual([0, 999, 20_480, 50_000_000, 3e15].map(sizeText), [
    '0 B',
    '999 B',
    '20.5 KB',
    '50.0 MB',
    '3000.0 TB',
  ]);
});
