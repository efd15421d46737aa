import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import { coloured, paintFor, plain } from '../../src/cli/paint.ts';
import { storyOf } from '../../src/cli/trial-story.ts';
import type { OutcomeEvent } from '../../src/flow/event.ts';
import type { Domain, Mailbox, MessageId } from '../../src/flow/message.ts';
import type { AcceptedEvent, TrialFacts } from '../../src/trial/event.ts';
import { STEER_WORDS } from '../../src/trial/steering.ts';
import { stage } from './stage.ts';

const ID = '01m862e5rg8ytvsged2nmpg8et' as MessageId;

const ACCEPTED: AcceptedEvent = {
  type: 'accepted',
  at: 1000,
  messageId: ID,
  user: 'trial',
  reversePath: 'a@trial.test',
  forwardPaths: ['b@gmail.com', 'c@gmail.com'],
  size: 2048,
  selectors: ['trial._domainkey.trial.test'],
};

const OUTCOME: OutcomeEvent = {
  type: 'outcome',
  at: 1008,
  messageId: ID,
  index: 0,
  outcome: 'deferred',
  category: 'x',
  scope: 'recipient',
  rule: 'x',
  forwardPath: 'b\u001b[2J@gmail.com' as Mailbox,
  domain: 'gmail.com' as Domain,
  reversePath: 'a@trial.test' as Mailbox,
  tenant: 'default',
  user: 'trial',
  stream: 'default',
  acceptedAt: 1000,
  size: 2048,
  attempts: 2,
  nextAttemptAt: 5600,
  reply: { code: 451, enhanced: '4.7.1', lines: ['Greylisted'] },
  source: 'out1',
  remote: { host: 'gmail-smtp-in.l.google.com', address: '127.0.0.2', port: 25 },
};

const story = { paint: plain, sources: { out1: '127.0.0.101' } };

test('trial story: a message is told with its way, and nothing of it moves the cursor', () => {
  const accepted = storyOf(ACCEPTED, story) ?? '';
  assert.match(accepted, /accepted {3}01m862e5rg8ytvsged2nmpg8et {2}from a@trial\.test\n.*2 recipients, 2\.0 KB/);
  assert.match(accepted, /signed by trial\.test\n$/);
  const deferred = storyOf(OUTCOME, story) ?? '';
  assert.match(deferred, /deferred {3}…mpg8et {2}b\?\[2J@gmail\.com {2}attempt 2, 8 ms {2}again in 5s\n/);
  assert.match(deferred, /google: gmail-smtp-in\.l\.google\.com \[127\.0\.0\.2\], from 127\.0\.0\.101 \(out1\)\n/);
  assert.match(deferred, / {3}451 4\.7\.1 Greylisted\n$/);
  const { reply: _, remote: __, ...rest } = OUTCOME;
  const lost = { ...rest, error: { kind: 'closed', text: 'the peer closed' }, mayHaveBeenDelivered: true } as const;
  assert.match(storyOf(lost, story) ?? '', /the peer closed; it may have been delivered\n$/);
});

test('trial story: colour only on a screen that wants it', () => {
  const table: [boolean, Record<string, string>, boolean][] = [
    [true, {}, true],
    [true, { NO_COLOR: '' }, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
  ];
  for (const [isScreen, env, want] of table) assert.equal(paintFor(isScreen, env) === coloured, want);
  const text = storyOf(OUTCOME, { ...story, paint: coloured }) ?? '';
  assert.ok(text.includes('\u001b[33mdeferred'));
});

const FACTS: Omit<TrialFacts, 'password'> = {
  type: 'trial',
  version: '1.2.3',
  pid: 1,
  host: '127.0.0.1',
  port: 2526,
  user: 'trial',
  config: '/tmp/x/config',
  mailPort: 1,
  dnsPort: 2,
  sources: story.sources,
  retryDelaysMs: [5000],
};

test('trial: says where, who and how, then each event; JSON is one line each', async (t) => {
  const at = stage(t);
  let password = '';
  const trial: Parameters<typeof at.run>[1] = {
    trial: async (run) => {
      password = run.password;
      run.onStart({ ...FACTS, password });
      run.onEvent(ACCEPTED);
      run.onEvent({ ...OUTCOME, outcome: 'delivered' });
      return EXIT.ok;
    },
  };
  const text = await at.run(['trial'], trial);
  assert.equal(text.code, EXIT.ok);
  assert.ok(text.out.includes('postilion send --to anna@gmail.com'));
  assert.ok(
    text.out.includes(`swaks --server 127.0.0.1:2526 --auth PLAIN --auth-user trial --auth-password ${password}`),
  );
  for (const { word } of STEER_WORDS) assert.ok(text.out.includes(`  ${word}@ `), word);
  assert.match(text.out, /Stopped: 2 accepted, 1 delivered, 1 still waiting\./);
  const json = await at.run(['--json', 'trial', '--port', '0'], trial);
  const lines = json.out.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { type: string }).type),
    ['trial', 'accepted', 'outcome'],
  );
  assert.deepEqual(JSON.parse(lines[0] ?? ''), { ...FACTS, password });
});

test('trial: a terminal that takes nothing misses events, and is told how many', async (t) => {
  const at = stage(t);
  const out: string[] = [];
  const blocked: (() => void)[] = [];
  const ran = at.run(['--json', 'trial'], {
    terminal: {
      out: (text) => {
        out.push(text);
        return new Promise((resolve) => blocked.push(resolve));
      },
      note: async () => {},
      canAsk: false,
      askSecret: async () => '',
      readAll: async () => '',
    },
    trial: async (run) => {
      for (let events = 0; events < 10_005; events++) run.onEvent(ACCEPTED);
      return EXIT.ok;
    },
  });
  assert.equal((await ran).code, EXIT.ok);
  assert.equal(out.length, 10_000);
  for (const go of blocked) go();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(out.at(-1), '{"type":"missed","events":5}\n');
});

function env(t: TestContext): { XDG_RUNTIME_DIR: string } {
  const folder = mkdtempSync(join(tmpdir(), 'postilion-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return { XDG_RUNTIME_DIR: folder };
}

test('send: wrong usage is 64, and without a trial it says how to start one', async (t) => {
  const at = stage(t);
  const given = ['send', '--host', '127.0.0.1', '--from', 'a@b.example', '--to', 'c@d.example'];
  const table: [string[], number, RegExp][] = [
    [['send', '--to', 'a@b.example'], EXIT.noRelay, /start one with postilion trial/],
    [['send', '--hots', 'x'], EXIT.usage, /unknown option '--hots'/],
    [['trial', '--post', '1'], EXIT.usage, /unknown option '--post'/],
    [['trial', '--port', '65536'], EXIT.usage, /--port takes a number up to 65535/],
    [[...given, '--count', '0'], EXIT.usage, /--count takes a number from 1/],
    [[...given, '--password', 'x'], EXIT.usage, /--password needs --user/],
    [[...given, '--user', 'x'], EXIT.usage, /needs a password/],
    [[...given, '--file', '/nowhere'], EXIT.usage, /cannot be read \(ENOENT\)/],
    [[...given, '--file', '/nowhere', '--body', 'x'], EXIT.usage, /--file is a whole message/],
    [['send', '--host', 'x', '--to', 'a@b.example'], EXIT.usage, /--from is missing/],
    [['send', '--host', 'x', '--from', 'a@b.example'], EXIT.usage, /--to is missing/],
    [
      ['send', '--host', 'x', '--from', 'a@b.example', '--to', 'c@d.example', '--to', ','],
      EXIT.usage,
      /'c@d.example,,' is no list of mailboxes/,
    ],
  ];
  for (const [args, code, words] of table) {
    const ran = await at.run(args, { env: env(t) });
    assert.match(ran.note, words, args.join(' '));
    assert.equal(ran.code, code, args.join(' '));
  }
});
