// The resolver against a scripted DNS server on loopback: rows 35 to 38 of the failure table, as far as DNS goes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Packet } from 'dns-packet';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { createResolver, type Resolver, type ResolverOptions } from '../../src/net/resolver.ts';
import { a, cname, type DnsAnswer, type DnsOptions, type DnsSink, mx, startDns } from '../support/fake-net.ts';

/** Real timers, for sockets, and a wall that a test can push. */
function pushedClock() {
  let pushed = 0;
  return {
    clock: { ...systemClock, monotonic: () => systemClock.monotonic() + pushed },
    push: (ms: number) => {
      pushed += ms;
    },
  };
}

async function withDns(
  options: DnsOptions,
  run: (resolver: Resolver, dns: DnsSink, push: (ms: number) => void) => Promise<void>,
  changes: ResolverOptions = {},
): Promise<void> {
  const dns = await startDns(options);
  const { clock, push } = pushedClock();
  const resolver = createResolver(
    { servers: [dns.server], timeoutMs: 1000, ...changes },
    { clock, random: systemRandom },
  );
  try {
    await run(resolver, dns, push);
  } finally {
    await dns.close();
  }
}

test('resolver: MX records come with their preference and are asked once while they live', async () => {
  const zone = {
    'MX example.net': [mx('example.net', 'MX1.example.net'), mx('example.net', 'mx2.example.net', 20, 100)],
  };
  await withDns({ zone }, async (resolver, dns, push) => {
    const looked = await resolver.mx('Example.NET.');
    assert.deepEqual(looked, {
      found: 'records',
      records: [
        { preference: 10, exchange: 'mx1.example.net' },
        { preference: 20, exchange: 'mx2.example.net' },
      ],
      ttlMs: 100_000,
      isAuthentic: false,
    });
    await resolver.mx('example.net');
    assert.equal(dns.questions.length, 1);
    push(100_001);
    await resolver.mx('example.net');
    assert.equal(dns.questions.length, 2);
  });
});

test('resolver: absence is kept as long as the SOA says, NXDOMAIN apart from no records', async () => {
  await withDns(
    { zone: { 'A host.test': [a('host.test', '192.0.2.1')] }, negativeTtl: 30 },
    async (resolver, dns, push) => {
      assert.deepEqual(await resolver.mx('host.test'), { found: 'nothing', ttlMs: 30_000 });
      assert.deepEqual(await resolver.mx('gone.test'), { found: 'no-name', ttlMs: 30_000 });
      await resolver.mx('gone.test');
      assert.equal(dns.questions.length, 2);
      push(30_001);
      await resolver.mx('gone.test');
      assert.equal(dns.questions.length, 3);
    },
  );
});

test('resolver: the same question asked together is sent once', async () => {
  await withDns({ zone: { 'A h.test': [a('h.test', '192.0.2.1')] } }, async (resolver, dns) => {
    const all = await Promise.all(Array.from({ length: 50 }, () => resolver.addresses('h.test', 4)));
    assert.ok(all.every((one) => one.found === 'records'));
    assert.equal(dns.questions.length, 1);
  });
});

test('resolver: ids and ports differ from question to question', async () => {
  await withDns({}, async (resolver, dns) => {
    await Promise.all(Array.from({ length: 20 }, (_, at) => resolver.mx(`d${at}.test`)));
    assert.ok(new Set(dns.marks.map(({ id }) => id)).size > 15);
    assert.ok(new Set(dns.marks.map(({ port }) => port)).size > 15);
  });
});

test('resolver: questions in flight are bounded, and those that wait too', async () => {
  await withDns(
    {},
    async (resolver, dns) => {
      const all = await Promise.all(Array.from({ length: 40 }, (_, at) => resolver.mx(`d${at}.test`)));
      assert.ok(dns.inFlightMax <= 3, `${dns.inFlightMax} in flight`);
      assert.equal(all.filter((one) => one.found === 'no-name').length, 13);
      const refused = all.filter((one) => one.found === 'trouble');
      assert.equal(refused.length, 27);
    },
    { inFlightMax: 3, waitingMax: 10 },
  );
});

test('resolver: CNAMEs are followed, in one answer and over several', async () => {
  const zone = {
    'A one.test': [cname('one.test', 'two.test', 50), a('two.test', '192.0.2.7')],
    'A three.test': [cname('three.test', 'four.test')],
    'A four.test': [a('four.test', '192.0.2.8')],
    'A five.test': [cname('five.test', 'gone.test')],
  };
  await withDns({ zone }, async (resolver) => {
    const one = await resolver.addresses('one.test', 4);
    assert.deepEqual(one, { found: 'records', records: ['192.0.2.7'], ttlMs: 50_000, isAuthentic: false });
    const three = await resolver.addresses('three.test', 4);
    assert.deepEqual(three.found === 'records' && three.records, ['192.0.2.8']);
    assert.equal((await resolver.addresses('five.test', 4)).found, 'no-name');
  });
});

test('resolver: a loop of CNAMEs is temporary, in one answer or over many, and so is too long a chain', async () => {
  const zone = {
    'A a.test': [cname('a.test', 'b.test'), cname('b.test', 'a.test')],
    'A c.test': [cname('c.test', 'd.test')],
    'A d.test': [cname('d.test', 'c.test')],
    ...Object.fromEntries(
      Array.from({ length: 20 }, (_, n) => [`A n${n}.test`, [cname(`n${n}.test`, `n${n + 1}.test`)]]),
    ),
  };
  await withDns({ zone }, async (resolver, dns) => {
    for (const name of ['a.test', 'c.test', 'n0.test']) {
      assert.equal((await resolver.addresses(name, 4)).found, 'trouble', name);
    }
    assert.ok(dns.questions.length <= 1 + 3 + 10, `${dns.questions.length} questions`);
  });
});

test('resolver: a cut answer is asked again over TCP; 400 MX come whole', async () => {
  const records = Array.from({ length: 400 }, (_, at) => mx('big.test', `mx${at}.big.test`, at));
  await withDns({ zone: { 'MX big.test': { truncated: records } } }, async (resolver, dns) => {
    const looked = await resolver.mx('big.test');
    assert.equal(looked.found === 'records' && looked.records.length, 400);
    assert.deepEqual(dns.questions, ['udp MX big.test', 'tcp MX big.test']);
  });
});

for (const [name, answer] of [
  ['SERVFAIL', 'servfail'],
  ['REFUSED', 'refused'],
  ['octets that are no DNS message', { raw: Buffer.from('nonsense that is longer than a header') }],
  ['an answer to another question', { packet: (p: Packet) => ({ ...p, questions: [{ type: 'A', name: 'x.test' }] }) }],
  ['an answer with another id', { packet: (p: Packet) => ({ ...p, id: ((p.id ?? 0) + 1) % 65536 }) }],
  ['silence', 'silence'],
] satisfies (readonly [string, DnsAnswer])[]) {
  test(`resolver: ${name} is trouble, kept for a moment only, and the second server is asked`, async () => {
    const good = await startDns({ zone: { 'MX d.test': [mx('d.test', 'mx.test')] } });
    await withDns(
      { script: () => answer },
      async (resolver, dns, push) => {
        const { clock } = pushedClock();
        const both = createResolver(
          { servers: [dns.server, good.server], timeoutMs: 50 },
          { clock, random: systemRandom },
        );
        assert.equal((await both.mx('d.test')).found, 'records');
        assert.equal((await resolver.mx('d.test')).found, 'trouble');
        const asked = dns.questions.length;
        await resolver.mx('d.test');
        assert.equal(dns.questions.length, asked);
        push(15_001);
        await resolver.mx('d.test');
        assert.ok(dns.questions.length > asked);
      },
      { timeoutMs: 50 },
    );
    await good.close();
  });
}

test('resolver: forged answers in front of the right one are passed over', async () => {
  const right = a('d.test', '192.0.2.1');
  const forged = (change: (packet: Packet) => Packet): DnsAnswer => ({
    packet: (packet) => change({ ...packet, answers: [a('d.test', '192.0.2.66')] }),
  });
  const many: DnsAnswer[] = [
    forged((packet) => ({ ...packet, id: ((packet.id ?? 0) + 1) % 65536 })),
    forged((packet) => ({ ...packet, questions: [{ type: 'A', name: 'e.test' }] })),
    forged((packet) => ({ ...packet, type: 'query' })),
    { raw: Buffer.alloc(3) },
    [right],
  ];
  await withDns({ script: () => ({ many }) }, async (resolver) => {
    const looked = await resolver.addresses('d.test', 4);
    assert.deepEqual(looked.found === 'records' && looked.records, ['192.0.2.1']);
  });
});

test('resolver: a dead server is trouble at once', async () => {
  const dns = await startDns();
  await dns.close();
  const resolver = createResolver(
    { servers: [dns.server], timeoutMs: 2000 },
    { clock: systemClock, random: systemRandom },
  );
  const looked = await resolver.mx('d.test');
  assert.match(looked.found === 'trouble' ? looked.text : '', /DNS MX d\.test: .*ECONNREFUSED/);
});

test('resolver: names that cannot be asked do not exist', async () => {
  await withDns({}, async (resolver, dns) => {
    for (const name of ['', '..', 'a..b', `${'x'.repeat(64)}.test`, `${'abc.'.repeat(70)}test`]) {
      assert.equal((await resolver.mx(name)).found, 'no-name', name);
    }
    assert.equal(dns.questions.length, 0);
  });
});
