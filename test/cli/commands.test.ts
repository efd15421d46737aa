// What every command has, whoever wrote it: examples that are true, an answer for programs, an exit code that is listed.
import { deepEqual, doesNotMatch, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import { COMMANDS } from '../../src/cli/program.ts';
import { exampleWords } from './example-words.ts';
import { type Ran, stage } from './stage.ts';

const NOT_UNDERSTOOD = /unknown (?:option|command)|missing required|too many arguments|argument missing/;
const CODES: readonly number[] = Object.values(EXIT);
const name = ({ words }: { readonly words: readonly string[] }): string => words.join(' ');

/** With `--json` there is nothing on the output but JSON, a line each; what went wrong is JSON with its exit code. */
function speaksJson({ code, out, note }: Ran, of: string): void {
  for (const line of out.split('\n').filter(Boolean)) ok(isJson(line), `${of}: ${line}`);
  if (out !== '' || code === EXIT.ok) return;
  // Lines of an input that are wrong are named one by one.
  if (/^input:\d+: /.test(note)) return;
  const said = note.trimEnd().split('\n').at(-1) ?? '';
  ok(isJson(said), `${of}: ${note}`);
  deepEqual((JSON.parse(said) as { error: { exit_code: number } }).error.exit_code, code, of);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('commands: every example is understood, with and without JSON, also while no relay is running', async (t) => {
  for (const command of COMMANDS) {
    const [first] = command.examples;
    deepEqual(
      exampleWords(first?.[0] ?? '')
        .filter((word) => !word.startsWith('-'))
        .slice(0, command.words.length),
      command.words,
    );
    for (const [line] of command.examples) {
      const words = exampleWords(line);
      const at = stage(t);
      const ran = await at.run(words, { input: 'a secret of many letters\n' });
      doesNotMatch(ran.note, NOT_UNDERSTOOD, line);
      ok(CODES.includes(ran.code) && ran.code !== EXIT.invariant, `${line}: ${ran.code}`);
      const other = stage(t);
      speaksJson(await other.run([...words, '--json'], { input: 'a secret of many letters\n' }), line);
    }
  }
});

test('commands: what a relay does not know is 1, and what it cannot do now is 75, in words and for programs', async (t) => {
  const refusals = [
    [404, 'not-found', EXIT.no],
    [503, 'away', EXIT.tryAgain],
  ] as const;
  for (const [status, error, code] of refusals) {
    let asked = 0;
    for (const command of COMMANDS) {
      const words = exampleWords(command.examples[0]?.[0] ?? '');
      const at = stage(t);
      const calls = await at.relay(new Proxy({}, { get: () => ({ status, body: { error, message: 'planted' } }) }));
      const ran = await at.run([...words, '--json'], { input: 'a secret of many letters\n' });
      if (calls.length === 0 || ran.out !== '') continue;
      asked++;
      // What stands in a file is done, and the relay that could not take it over is asked again.
      ok(ran.code === code || ran.code === EXIT.tryAgain, `${name(command)}: ${ran.code}`);
      match(ran.note, /planted/, name(command));
      speaksJson(ran, name(command));
    }
    ok(asked >= 12, `${asked} commands asked the relay`);
  }
});

test('commands: options and arguments say what they are for, in words that are not code', () => {
  for (const command of COMMANDS) {
    match(command.summary, /^[A-Z][^.]+$/, name(command));
    for (const { flags, doc } of command.options ?? []) {
      match(flags, /^--[a-z0-9-]+(?: <[a-z/-]+>)?$/, name(command));
      ok(doc.length > 5, `${name(command)} ${flags}`);
    }
    for (const { name: argument, doc } of command.args ?? []) ok(doc.length > 5, `${name(command)} ${argument}`);
  }
});
