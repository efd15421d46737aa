// The whole relay, in one process and in many, beside a DNS server and an MX that do what they should not: the class of
// every outcome and the time of the next try as they stand in the journal; what operators do by marks and by reload.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ask } from '../../src/cli/control-client.ts';
import type { OutcomeEvent } from '../../src/flow/event.ts';
import { a, cname, type DnsAnswer, mx, startDns, type Sink, type SinkAnswer, startSink } from '../support/fake-net.ts';
import { freePort, Relay, type Running } from '../support/relay.ts';

const PATIENCE_MS = 60_000;
const MINUTE = 60_000;
const MODES = ['single', 'split'] as const;

/** What control says of a message, as far as it is looked at here. */
interface Shown {
  readonly waiting: readonly { readonly attempts: number }[];
  readonly outcomes: readonly OutcomeEvent[];
}

interface Stage {
  readonly relay: Relay;
  readonly running: Running;
  readonly sink: Sink;
  submit(recipient: string): Promise<string>;
  /** Once `isTrue` of it. */
  shown(id: string, isTrue: (shown: Shown) => boolean): Promise<Shown>;
  /** sending.yaml is this, and the relay told so. */
  sending(text: string): Promise<void>;
}

/** Each domain has an MX of its own, so that the trouble of one site is not that of another. */
function zoneOf(domains: readonly string[]): Record<string, DnsAnswer> {
  const hosts = domains.flatMap((name): [string, DnsAnswer][] => [
    [`MX ${name}`, [mx(name, `mx.${name}`)]],
    [`A mx.${name}`, [a(`mx.${name}`, '127.0.0.1')]],
  ]);
  return Object.fromEntries(hosts);
}

async function stage(
  t: TestContext,
  mode: (typeof MODES)[number],
  zone: Record<string, DnsAnswer>,
  script: (verb: string, domain: string) => SinkAnswer,
  sendingOf: (port: number) => string,
): Promise<Stage> {
  const dns = await startDns({ zone });
  t.after(() => dns.close());
  const domains = new Map<number, string>();
  const sink = await startSink({
    extensions: ['8BITMIME'],
    script: (verb, line, { connection }) => {
      if (verb === 'RCPT') domains.set(connection, /@([^>]*)>/.exec(line)?.[1] ?? '');
      return script(verb, domains.get(connection) ?? '');
    },
  });
  t.after(() => sink.close());
  const port = await freePort();
  const text = (sending: string): string =>
    `streams: { default: { retry_delays: [10m] } }\nusers: { app: {} }\n${sending}`;
  const relay = new Relay(t, {
    postilion: `hostname: relay.test\nlisteners: [{ address: "127.0.0.1:${port}", tls: none }]\ntrusted_networks: [{ network: 127.0.0.0/8, user: app }]\nprocesses: ${mode}\ndns: { servers: ["127.0.0.1:${dns.server.port}"], timeout: 1s, attempts: 1 }\n`,
    sending: text(sendingOf(sink.port)),
  });
  const running = await relay.start();
  return {
    relay,
    running,
    sink,
    submit: (recipient) => relay.submit(port, 'From: a@example.com\r\n\r\nhello\r\n', recipient),
    shown: async (id, isTrue) => {
      const end = Date.now() + PATIENCE_MS;
      for (;;) {
        // Unknown for a moment: the scheduler of another process has not heard of it yet.
        const report = await ask(relay.folders, 'GET /v1/messages/:id', undefined, { id }).catch(() => undefined);
        const shown: Shown = { waiting: report?.queued?.waiting ?? [], outcomes: report?.outcomes ?? [] };
        if (isTrue(shown)) return shown;
        await new Promise((resolve) => setTimeout(resolve, 50));
        ok(Date.now() < end, `not within ${PATIENCE_MS} ms; ${JSON.stringify(shown)}`);
      }
    },
    sending: async (sending) => {
      writeFileSync(join(relay.config, 'sending.yaml'), text(sending));
      await command(relay, 'reload');
    },
  };
}

async function command(relay: Relay, ...words: string[]): Promise<void> {
  const { code, out, lines } = await relay.command(...words);
  equal(code, 0, `${words.join(' ')}: ${out} ${lines.join('\n')}`);
}

const isOver = ({ waiting, outcomes }: Shown): boolean => waiting.length === 0 && outcomes.length > 0;

const SINK_DOMAINS = ['ok', 'no', 'later', 'bye', 'huge', 'reset', 'afterdot', 'early'].map((name) => `${name}.test`);
const HOSTILE_ZONE: Record<string, DnsAnswer> = {
  ...zoneOf([...SINK_DOMAINS, 'deny.test']),
  'MX null.test': [mx('null.test', '.', 0)],
  'MX servfail.test': 'servfail',
  'MX silent.test': 'silence',
  'MX loop.test': [cname('loop.test', 'pool.test')],
  'MX pool.test': [cname('pool.test', 'loop.test')],
};

function hostile(verb: string, domain: string): SinkAnswer {
  switch (domain) {
    case 'no.test':
      return verb === 'RCPT' ? '550 5.1.1 nobody' : undefined;
    case 'later.test':
      return verb === 'RCPT' ? '451 4.7.1 later' : undefined;
    case 'bye.test':
      return verb === 'RCPT' ? '421 4.3.2 bye' : undefined;
    case 'huge.test':
      return verb === 'RCPT' ? { raw: '250-and on\r\n'.repeat(100_000) } : undefined;
    case 'reset.test':
      return verb === 'DOT' ? 'reset' : undefined;
    case 'afterdot.test':
      return verb === 'DOT' ? 'close' : undefined;
    case 'early.test':
      return verb === 'DATA' ? { raw: '250 done\r\n250 done\r\n' } : undefined;
    default:
      return undefined;
  }
}

/** Outcome of the last attempt; deferred ones are tried again by the plan: 10 min ± 25 %. */
const CLASSES: Readonly<Record<string, string>> = {
  'ok.test': 'delivered',
  'no.test': 'failed 550',
  'later.test': 'deferred 451',
  'bye.test': 'deferred 421',
  'huge.test': 'deferred',
  'reset.test': 'deferred perhaps delivered',
  'afterdot.test': 'deferred perhaps delivered',
  'early.test': 'deferred',
  'deny.test': 'deferred',
  'null.test': 'failed 556',
  'gone.test': 'deferred',
  'servfail.test': 'deferred',
  'silent.test': 'deferred',
  'loop.test': 'deferred',
};

for (const mode of MODES) {
  test(`whole relay, ${mode}: hostile MX and DNS get their class and the right next try, and nothing dies`, async (t) => {
    const { relay, running, sink, submit, shown } = await stage(
      t,
      mode,
      HOSTILE_ZONE,
      hostile,
      (port) =>
        `routes:\n  - { domains: deny.test, port: ${port} }\n  - { domains: "*", port: ${port}, private_addresses: true }\n`,
    );
    const ids = new Map<string, string>();
    for (const domain of Object.keys(CLASSES)) ids.set(domain, await submit(`x@${domain}`));
    const classes: Record<string, string> = {};
    for (const [domain, id] of ids) {
      const isSettled = (event: OutcomeEvent): boolean =>
        event.outcome !== 'deferred' || (event.nextAttemptAt ?? 0) > event.at + MINUTE;
      const { outcomes } = await shown(id, (now) => now.outcomes.some(isSettled));
      const last = outcomes.find(isSettled) as OutcomeEvent;
      const code = last.outcome === 'delivered' || last.reply === undefined ? '' : ` ${last.reply.code}`;
      classes[domain] = `${last.outcome}${code}${last.mayHaveBeenDelivered === true ? ' perhaps delivered' : ''}`;
      if (last.outcome !== 'deferred') continue;
      const waitMs = (last.nextAttemptAt ?? 0) - last.at;
      ok(waitMs >= 7.4 * MINUTE && waitMs <= 12.6 * MINUTE, `${domain} waits ${waitMs} ms`);
    }
    deepEqual(classes, CLASSES);
    equal(sink.lines.filter((line) => line.includes('deny.test')).length, 0, 'nobody connects where it is forbidden');
    const { processes } = await relay.health();
    deepEqual(
      processes.map(({ restarts }) => restarts),
      processes.map(() => 0),
    );
    const later = ids.get('later.test') ?? '';
    const told = JSON.parse((await relay.command('message', 'show', '--json', later)).out) as Shown;
    deepEqual(
      told.outcomes.map(({ outcome, reply }) => [outcome, reply?.code]),
      [['deferred', 451]],
    );
    // A stop and a start lose and double nothing.
    const { waiting } = await shown(later, () => true);
    running.signal('SIGTERM');
    equal((await running.ended).code, 0);
    await relay.start();
    const after = await shown(later, ({ outcomes }) => outcomes.length > 0);
    deepEqual(after.waiting, waiting);
    equal(sink.messages.filter(({ rcpts }) => rcpts.some((line) => line.includes('ok.test'))).length, 1);
  });

  test(`whole relay, ${mode}: pause, resume, retry, cancel and a reload of routes do what they say`, async (t) => {
    let isOpen = false;
    const { relay, sink, submit, shown, sending } = await stage(
      t,
      mode,
      zoneOf(['a.test', 'b.test', 'c.test', 'd.test']),
      (verb, domain) => (verb === 'RCPT' && domain !== 'a.test' && !isOpen ? '451 4.7.1 later' : undefined),
      (port) => `routes: [{ name: mine, domains: "*", port: ${port}, private_addresses: true }]\n`,
    );
    await command(relay, 'queue', 'pause', '--route', 'mine');
    const [held, dropped] = [await submit('x@a.test'), await submit('y@a.test')];
    await command(relay, 'message', 'cancel', dropped);
    equal((await shown(dropped, isOver)).outcomes.at(-1)?.outcome, 'cancelled');
    equal((await shown(held, () => true)).outcomes.length, 0);
    await command(relay, 'queue', 'resume', '--route', 'mine');
    equal((await shown(held, isOver)).outcomes.at(-1)?.outcome, 'delivered');

    const [again, away, staged] = [await submit('x@b.test'), await submit('x@c.test'), await submit('x@d.test')];
    for (const id of [again, away, staged]) await shown(id, ({ outcomes }) => outcomes.length > 0);
    isOpen = true;
    await command(relay, 'message', 'retry', again);
    equal((await shown(again, isOver)).outcomes.at(-1)?.outcome, 'delivered');

    const route = `{ name: mine, domains: "*", port: ${sink.port}, private_addresses: true }`;
    await sending(`routes: [${route}, { name: drop, domains: c.test, to: discard }]\n`);
    await command(relay, 'message', 'retry', away);
    const end = (await shown(away, isOver)).outcomes.at(-1);
    deepEqual([end?.outcome, end?.rule], ['delivered', 'drop']);

    await sending(`allow: [qa@d.test]\nroutes: [${route}]\n`);
    await command(relay, 'message', 'retry', staged);
    const qa = await submit('QA@d.test');
    deepEqual((await shown(staged, isOver)).outcomes.at(-1)?.rule, 'allow');
    await shown(qa, isOver);
    const arrived = sink.messages.flatMap(({ rcpts }) => rcpts.map((line) => /<(.*)>/.exec(line)?.[1]));
    deepEqual(arrived.toSorted(), ['QA@d.test', 'x@a.test', 'x@b.test']);
  });
}
