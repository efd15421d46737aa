import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { editDistance, nearestName } from '../../src/config/nearest.ts';
import {
  domainMatches,
  familyOf,
  parseDomainPattern,
  parseHostName,
  parseHostPort,
  parseNetwork,
} from '../../src/config/network.ts';
import { durationText } from '../../src/base/duration.ts';
import { parseDuration, parseFlow, parseRate, parseSize, shown } from '../../src/config/units.ts';

const wrongOf = (parsed: { value: unknown } | { wrong: string }): string => ('wrong' in parsed ? parsed.wrong : '');

test('units: durations, sizes, rates and flows have their values', () => {
  const table: [unknown, unknown][] = [
    [parseDuration('0s'), 0],
    [parseDuration('500ms'), 500],
    [parseDuration('1.5h'), 5_400_000],
    [parseDuration('1h30m'), 5_400_000],
    [parseDuration('2w'), 1_209_600_000],
    [parseSize('25MB'), 25_000_000],
    [parseSize('64 KiB'), 65_536],
    [parseSize('0.5GiB'), 2 ** 29],
    [parseRate('200/h'), { count: 200, perMs: 3_600_000 }],
    [parseRate('10 / s'), { count: 10, perMs: 1000 }],
    [parseFlow('500B/s'), 500],
    [parseFlow('2 KiB/s'), 2048],
  ];
  for (const [parsed, value] of table) assert.deepEqual(parsed, { value });
});

test('units: what has none, another or is something else is refused, and the words say what to write', () => {
  assert.match(wrongOf(parseDuration(300)), /^300 has no unit: write a duration such as 30s/);
  assert.match(wrongOf(parseDuration('5 min')), /'min' is no unit of time; known: ms, s, m, h, d, w/);
  assert.match(wrongOf(parseDuration('25MB')), /'MB' is no unit of time/);
  assert.match(wrongOf(parseDuration('-5m')), /must be a duration/);
  assert.match(wrongOf(parseDuration('11000d')), /longer than ten years/);
  assert.match(wrongOf(parseSize('25mb')), /'mb' is no unit of size; known: B, KB/);
  assert.match(wrongOf(parseSize('15m')), /'m' is no unit of size/);
  assert.match(wrongOf(parseSize('99999999TiB')), /too large/);
  assert.match(wrongOf(parseRate('200')), /'200' has no unit/);
  assert.match(wrongOf(parseRate('200/hour')), /'hour' is no unit of a rate/);
  assert.match(wrongOf(parseRate('0/h')), /must be 1 or more/);
  assert.match(wrongOf(parseFlow('500')), /octets per second/);
  for (const parse of [parseDuration, parseSize, parseRate, parseFlow, parseNetwork]) {
    for (const odd of [null, true, [], {}, '', 'x', Number.NaN])
      assert.notEqual(wrongOf(parse(odd)), '', String(parse));
  }
});

test('units: a duration survives its text', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3_650 * 86_400_000 }), (ms) => {
      assert.deepEqual(parseDuration(durationText(ms)), { value: ms });
    }),
  );
});

test('units: text from a file is shown short and without control characters', () => {
  assert.equal(shown('a\u001b[31m\nb\u202e'), 'a?[31m?b?');
  assert.equal(shown('x'.repeat(100)).length, 60);
});

test('network: addresses, networks and endpoints are judged by their spelling', () => {
  assert.deepEqual(['192.0.2.1', '::1', '2001:db8::', '::ffff:192.0.2.1'].map(familyOf), [4, 6, 6, 6]);
  for (const bad of ['192.0.2', '192.0.2.256', '192.0.02.1', ':::', 'g::1', '1:2', '', '[::1]', 'fe80::1%eth0']) {
    assert.equal(familyOf(bad), undefined, bad);
  }
  for (const good of ['10.0.0.0/8', '192.0.2.1', '::/0', '2001:db8::/32']) {
    assert.deepEqual(parseNetwork(good), { value: good });
  }
  for (const bad of ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8', 'example.com']) {
    assert.notEqual(wrongOf(parseNetwork(bad)), '', bad);
  }
  assert.deepEqual(parseHostPort('*:587', false), { value: { host: '::', port: 587 } });
  assert.deepEqual(parseHostPort('[::1]:0', false), { value: { host: '::1', port: 0 } });
  assert.deepEqual(parseHostPort('Mail.Example.com:25', true), { value: { host: 'mail.example.com', port: 25 } });
  for (const bad of ['25', '127.0.0.1', '::1:25', '127.0.0.1:65536', 'a b:25', '1.2.3:25']) {
    assert.notEqual(wrongOf(parseHostPort(bad, true)), '', bad);
  }
  assert.notEqual(wrongOf(parseHostPort('mail.example.com:25', false)), '');
});

test('network: domains become lower-case A-labels, and a pattern covers what it says', () => {
  assert.deepEqual(parseDomainPattern('MÜNCHEN.example.'), { value: 'xn--mnchen-3ya.example' });
  assert.deepEqual(parseHostName('Relay.Example.com'), { value: 'relay.example.com' });
  assert.notEqual(wrongOf(parseHostName('*.example.com')), '');
  assert.deepEqual(parseDomainPattern('*.Example.com'), { value: '*.example.com' });
  for (const bad of ['*', '127.0.0.1', 'a..b', '-a.example', 'a b', 'user@example.com', `${'a'.repeat(64)}.example`]) {
    assert.equal(wrongOf(parseDomainPattern(bad)) === '', bad === '*', bad);
  }
  assert.equal(domainMatches('example.com', 'example.com'), true);
  assert.equal(domainMatches('example.com', 'a.example.com'), false);
  assert.equal(domainMatches('*.example.com', 'a.b.example.com'), true);
  assert.equal(domainMatches('*.example.com', 'example.com'), false);
  assert.equal(domainMatches('*.example.com', 'badexample.com'), false);
  assert.equal(domainMatches('*', 'anything.example'), true);
});

test('nearest name: a slip is recognised, a stranger is not', () => {
  const known = ['listeners', 'limits', 'deadlines', 'lifetime', 'retry_delays', 'tls'];
  const table: [string, string | undefined][] = [
    ['lsteners', 'listeners'],
    ['retry-delays', 'retry_delays'],
    ['retryDealys', 'retry_delays'],
    ['limit', 'limits'],
    ['tsl', 'tls'],
    ['dead', 'deadlines'],
    ['colour', undefined],
    ['x', undefined],
  ];
  for (const [wrong, want] of table) assert.equal(nearestName(wrong, known), want, wrong);
});

test('nearest name: the distance is symmetrical, zero for the same and one for one edit', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '_'), maxLength: 8 });
  fc.assert(
    fc.property(word, word, fc.nat(8), (a, b, at) => {
      assert.equal(editDistance(a, b), editDistance(b, a));
      assert.equal(editDistance(a, a), 0);
      assert.equal(editDistance(a, `${a.slice(0, at)}x${a.slice(at)}`), 1);
      assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
    }),
  );
});
