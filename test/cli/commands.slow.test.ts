// Every command against a relay that runs, as its first example says, for programs: nothing but JSON is printed, and the
// exit code is one that an operator can act on.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import { COMMANDS } from '../../src/cli/program.ts';
import { freePort, Relay, simpleFiles } from '../support/relay.ts';
import { exampleWords } from './example-words.ts';

const NOBODY_PORT = 9;
/** They run until they are stopped: src/app and src/trial have their tests. */
const ENDLESS: ReadonlySet<string> = new Set(['serve', 'trial']);
/** What an operator gets for an example that names what is not there, or asks for what cannot be while a relay runs. */
const ANSWERS: ReadonlySet<number | null> = new Set([EXIT.ok, EXIT.no, EXIT.usage, EXIT.noRelay, EXIT.configuration]);

/** Files of an example lie in the folder of the test. */
function inFolder(folder: string, words: readonly string[]): readonly string[] {
  return words.map((word) => (word.endsWith('.csv') ? join(folder, word) : word));
}

test('commands: against a running relay every first example is answered, in JSON alone', async (t) => {
  const port = await freePort();
  const relay = new Relay(t, simpleFiles(port, NOBODY_PORT));
  await relay.start();
  await relay.submit(port, 'Subject: waits\r\n\r\nHello\r\n');
  const codes: Record<string, number | null> = {};
  for (const { words, examples } of COMMANDS) {
    if (ENDLESS.has(words.join(' '))) continue;
    const line = examples[0]?.[0] ?? '';
    const once = words[0] === 'top' ? ['--times', '1'] : [];
    const ran = await relay.run(
      [...inFolder(relay.root, exampleWords(line)), ...once, '--json'],
      'a secret of many letters\n',
    ).ended;
    for (const one of ran.out.split('\n').filter(Boolean)) JSON.parse(one);
    ok(ANSWERS.has(ran.code), `${line}: ${ran.code} ${ran.lines.join('\n')}`);
    codes[words.join(' ')] = ran.code;
    if (ran.code === EXIT.ok) ok(ran.out !== '', `${line} says nothing`);
  }
  // What must not be done to a spool in use is refused, and the relay goes on.
  for (const word of ['verify', 'dump', 'rebuild', 'export', 'import'])
    equal(codes[`spool ${word}`], EXIT.configuration, word);
  for (const word of [
    'queue',
    'source list',
    'check',
    'config show',
    'user list',
    'domain list',
    'suppress list',
    'reload',
  ]) {
    deepEqual([word, codes[word]], [word, EXIT.ok]);
  }
  equal((await relay.health()).ok, true);
});
