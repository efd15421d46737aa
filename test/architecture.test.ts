// The layout's rules over the whole tree, and a proof that each rule catches what it is for.
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { FLOORS, importsOf, violations } from './support/architecture.ts';
import { readTexts } from './support/tree.ts';

const readTree = () => new Map([...readTexts('src', '.ts'), ...readTexts('test', '.ts')]);

test('architecture: the tree keeps every rule of the layout', () => {
  const files = readTree();
  equal(files.has('src/base/clock.ts'), true, 'the sources were found');
  equal(violations(files).join('\n'), '');
});

test('architecture: every folder of src/ stands on a floor', () => {
  const folders = new Set([...readTree().keys()].filter((p) => p.startsWith('src/')).map((p) => p.split('/')[1]));
  for (const folder of folders) equal(typeof FLOORS[folder ?? ''], 'number', `src/${folder} has no floor`);
});

const HEAD = '// What it promises.\n';

/** What is planted, and the words that the one violation must say. */
const PLANTED: readonly (readonly [path: string, text: string, want: RegExp])[] = [
  ['src/policy/retry.ts', "import { open } from '../spool/open.ts';\n", /policy must not import spool/],
  [
    'src/scheduler/pull.ts',
    "import type { Session } from '../egress/session.ts';\n",
    /scheduler must not import egress/,
  ],
  ['src/egress/dial.ts', "const m = await import('../outcome/rules.ts');\n", /egress must not import outcome/],
  ['src/flow/route.ts', "import { parse } from '../mail/address.ts';\n", /flow must not import mail/],
  ['src/net/dialer.ts', "import { x } from '../../test/support/fake-clock.ts';\n", /not in src/],
  ['src/submission/session.ts', 'const at = Date.now();\n', /Date\.now only in src\/base\/clock\.ts/],
  ['src/app/wire.ts', 'const at = new Date().toISOString();\n', /the current Date/],
  ['src/egress/wait.ts', 'setTimeout(() => {}, 5);\n', /timers only/],
  ['src/control/wait.ts', 'const s = AbortSignal.timeout(5);\n', /timers only/],
  ['src/app/wait.ts', "import { setTimeout as wait } from 'node:timers/promises';\n", /timers/],
  ['src/net/order.ts', 'const n = Math.random();\n', /Math\.random only/],
  ['src/mail/read.ts', "import { readFileSync } from 'node:fs';\n", /I\/O modules only/],
  ['src/config/fetch.ts', "import net from 'net';\n", /I\/O modules only/],
  ['src/policy/key.ts', "import { randomBytes } from 'node:crypto';\n", /random octets only/],
  ['src/config/schema.ts', 'const home = process.env.HOME;\n', /the process and the network/],
  ['src/app/old.ts', "const x = require('x');\n", /require nowhere/],
  ['src/mail/all.ts', "export * from './address.ts';\n", /barrel/],
  ['src/mail/utils.ts', 'export const x = 1;\n', /the one noun/],
  ['src/mail/mailAddress.ts', 'export const x = 1;\n', /kebab-case/],
  ['src/queue/order.ts', 'export const x = 1;\n', /not in a folder of the layout/],
];

for (const [path, text, want] of PLANTED) {
  test(`architecture: a planted violation in ${path} is caught`, () => {
    const found = violations(new Map([[path, HEAD + text]]));
    match(found.join('\n'), want);
    const clean = violations(new Map([[path, `${HEAD}// ${text.trim()}\nexport const x = 1;\n`]]));
    equal(
      clean.join('\n').match(want) !== null && !path.match(/utils|mailAddress|queue/),
      false,
      'a comment is not code',
    );
  });
}

test('architecture: a package imported in two files is caught, by name and by path inside it', () => {
  const files = new Map([
    ['src/spool/index-store.ts', `${HEAD}import { open } from 'lmdb';\n`],
    ['src/events/history.ts', `${HEAD}import type { RootDatabase } from 'lmdb/index.js';\n`],
    ['src/config/password.ts', `${HEAD}import { hash } from '@node-rs/argon2';\n`],
  ]);
  deepEqual(violations(files), [
    'package lmdb is imported in src/events/history.ts and src/spool/index-store.ts: one file only',
  ]);
});

test('architecture: a file without its opening comment is caught', () => {
  match(violations(new Map([['src/mail/address.ts', 'export const x = 1;\n']])).join(), /opens with a comment/);
});

test('architecture: doubled and shapeless test names, and test folders without a source, are caught', () => {
  const name = 'retry: a plan ends';
  const files = new Map([
    ['src/policy/retry.ts', HEAD],
    ['test/policy/retry.test.ts', `test('${name}', () => {});\ntest('works', () => {});\n`],
    ['test/policy/plan.test.ts', `test(\n  '${name}',\n  () => {},\n);\n`],
    ['test/nowhere/x.test.ts', ''],
  ]);
  const found = violations(files).join('\n');
  match(found, /plan\.test\.ts: a test is already called "retry: a plan ends" in test\/policy\/retry\.test\.ts/);
  match(found, /test "works" is not named/);
  match(found, /there is no src\/nowhere/);
});

test('architecture: imports are found in every form and not in comments', () => {
  const text = [
    "import a from 'a';",
    "import type { B } from '@s/b/deep.js';",
    "export { c } from 'c';",
    "import 'd';",
    "const e = await import('e');",
    "// import f from 'f';",
    "const url = 'https://example.org/'; import g from 'g';",
  ].join('\n');
  deepEqual(importsOf(text), ['a', '@s/b/deep.js', 'c', 'd', 'e', 'g']);
});
