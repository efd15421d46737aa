// The pace against receivers with limits that nobody tells: it finds them, stays within a step of them, and comes back.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Random, seededRandom } from '../../src/base/random.ts';
import {
  CONNECTIONS_MIN,
  type Figures,
  growPace,
  INTERVAL_MS,
  type Pace,
  type PaceLimits,
  PER_MINUTE_MIN,
  rateStep,
  restartPace,
  startPace,
  throttlePace,
} from '../../src/policy/pace.ts';

/** Of a source that warms up. */
const cold = (start: Figures, ceiling: Figures): PaceLimits => ({ start, ceiling, isWarm: false });
const warm = (limits: PaceLimits): PaceLimits => ({ ...limits, isWarm: true });
const GOOGLE = cold({ connections: 2, perMinute: 60 }, { connections: 20 });
const BOUNDED = cold({ connections: 2, perMinute: 60 }, { connections: 20, perMinute: 1000 });
const busy = { limitedBy: { connections: true, rate: true }, isFull: true };
const onlyRate = { limitedBy: { connections: false, rate: true }, isFull: false };
const onlyConnections = { limitedBy: { connections: true, rate: false }, isFull: true };
const unused = { limitedBy: { connections: false, rate: false }, isFull: false };

const figures = ({ connections, perMinute }: Pace) => [connections.now, perMinute.now];

/** Hidden limits of a receiver, per interval; undefined: none. */
interface Receiver {
  readonly connections?: number;
  readonly perMinute?: number;
}

/** Busy intervals at a receiver that throttles what goes past its limits; the pace after each. */
function run(limits: PaceLimits, receiver: Receiver, intervals: number, random: Random, from = startPace(limits)) {
  const trace: { readonly pace: Pace; readonly throttled: boolean }[] = [];
  let pace = from;
  for (let n = 0; n < intervals; n++) {
    const now = (n + 1) * INTERVAL_MS;
    const allowed = pace;
    let throttled = false;
    if (allowed.connections.now > (receiver.connections ?? Infinity)) {
      throttled = true;
      const excess = 1 + Math.floor(3 * random.next());
      // All of them were opened before the first was answered.
      for (let k = 0; k < excess; k++) {
        pace = throttlePace(pace, 'connections', { begunAt: now - 1000, sent: 1 }, now - 500 + k);
      }
    }
    if (allowed.perMinute.now > (receiver.perMinute ?? Infinity)) {
      throttled = true;
      const sent = Math.min(allowed.perMinute.now, (receiver.perMinute ?? Infinity) + 1);
      pace = throttlePace(pace, 'rate', { begunAt: now - 400, sent }, now - 300);
    }
    if (!throttled) pace = growPace(pace, limits, busy);
    trace.push({ pace, throttled });
  }
  return trace;
}

test('pace: a source that warms up begins at the start of the provider, a warm one at the ceiling', () => {
  deepEqual(figures(startPace(GOOGLE)), [2, 60]);
  const beyond = cold({ connections: 9, perMinute: 900 }, { connections: 4, perMinute: 100 });
  deepEqual(figures(startPace(beyond)), [4, 100], 'within the ceiling');
  deepEqual(figures(startPace(cold({ connections: 10 }, { connections: 10 }))), [10, Infinity]);
  deepEqual(figures(startPace(cold({ connections: 0 }, { connections: 10, perMinute: 7 }))), [1, 7]);
  deepEqual(figures(startPace(warm(GOOGLE))), [20, Infinity]);
  deepEqual(figures(startPace(warm(BOUNDED))), [20, 1000]);
});

test('pace: what is throttled is halved, the rate from what was really sent, never below the floor', () => {
  const pace = startPace(cold({ connections: 9, perMinute: 600 }, { connections: 20 }));
  const fewer = throttlePace(pace, 'connections', { begunAt: 1, sent: 40 }, 10);
  deepEqual(figures(fewer), [4, 600]);
  const slower = throttlePace(fewer, 'rate', { begunAt: 1, sent: 40 }, 20);
  deepEqual(figures(slower), [4, 20]);
  let floor = slower;
  for (let n = 0; n < 20; n++) {
    floor = throttlePace(floor, 'connections', { begunAt: 100 + n, sent: 0 }, 100 + n);
    floor = throttlePace(floor, 'rate', { begunAt: 100 + n, sent: 0 }, 100 + n);
  }
  deepEqual(figures(floor), [CONNECTIONS_MIN, PER_MINUTE_MIN]);
  const none = startPace(cold({ connections: 5 }, { connections: 5 }));
  deepEqual(figures(throttlePace(none, 'rate', { begunAt: 1, sent: 300 }, 2)), [5, 150]);
});

test('pace: replies to what was begun before the last reduction do not halve again', () => {
  const once = throttlePace(startPace(GOOGLE), 'rate', { begunAt: 900, sent: 60 }, 1000);
  equal(once.perMinute.now, 30);
  for (let n = 0; n < 20; n++) equal(throttlePace(once, 'rate', { begunAt: 999, sent: 60 }, 1001 + n), once);
  equal(throttlePace(once, 'rate', { begunAt: 1000, sent: 30 }, 1100).perMinute.now, 15);
  equal(
    throttlePace(once, 'connections', { begunAt: 999, sent: 60 }, 1001).connections.now,
    1,
    'each number for itself',
  );
});

test('pace: an interval in which it was the limit adds a connection and a fifth of the rate; any other adds nothing', () => {
  const pace = startPace(BOUNDED);
  deepEqual(figures(growPace(pace, BOUNDED, busy)), [3, 72]);
  deepEqual(figures(growPace(pace, BOUNDED, onlyRate)), [2, 72]);
  deepEqual(figures(growPace(pace, BOUNDED, onlyConnections)), [3, 60]);
  equal(growPace(pace, BOUNDED, unused), pace);
  equal(growPace(pace, BOUNDED, { ...unused, isFull: true }), pace);
});

test('pace: without a ceiling for the rate there is none once it has grown past what is needed, and never before', () => {
  let pace = startPace(GOOGLE);
  equal(growPace(pace, GOOGLE, onlyConnections).perMinute.now, 60, 'it has never been the limit');
  pace = growPace(pace, GOOGLE, busy);
  equal(growPace(pace, GOOGLE, unused).perMinute.now, 72, 'nothing was sent');
  pace = growPace(pace, GOOGLE, onlyConnections);
  deepEqual(figures(pace), [4, Infinity]);
  pace = throttlePace(pace, 'rate', { begunAt: 1, sent: 100 }, 2);
  equal(pace.perMinute.now, 50);
  equal(growPace(pace, BOUNDED, { ...unused, isFull: true }).perMinute.now, 50);
});

test('pace: after a block it begins at one connection and the start’s rate, and proves everything anew', () => {
  const grown = run(BOUNDED, {}, 10, seededRandom(1)).at(-1)?.pace as Pace;
  ok((figures(grown)[0] ?? 0) > 10);
  const again = restartPace(grown, BOUNDED, 5);
  deepEqual(figures(again), [1, 60]);
  equal(again.connections.good, undefined);
  const slow = throttlePace(startPace(BOUNDED), 'rate', { begunAt: 1, sent: 10 }, 2);
  equal(restartPace(slow, BOUNDED, 5).perMinute.now, 5, 'not faster than before the block');
  deepEqual(figures(restartPace(startPace(warm(BOUNDED)), warm(BOUNDED), 5)), [1, 60], 'warm or not');
});

test('pace: reaches the ceiling from wherever it was brought down, and never passes it', () => {
  fc.assert(
    fc.property(
      fc.record({ start: fc.integer({ min: 1, max: 20 }), rate: fc.integer({ min: 1, max: 600 }) }),
      fc.array(fc.constantFrom<'connections' | 'rate'>('connections', 'rate'), { maxLength: 30 }),
      ({ start, rate }, throttles) => {
        const limits = cold({ connections: start, perMinute: rate }, { connections: 20, perMinute: 600 });
        let pace = startPace(limits);
        for (const [n, part] of throttles.entries()) {
          pace = throttlePace(pace, part, { begunAt: n + 1, sent: pace.perMinute.now }, n + 1);
          if (n % 3 === 0) pace = growPace(pace, limits, busy);
        }
        for (let n = 0; n < 500; n++) {
          pace = growPace(pace, limits, busy);
          const [connections = 0, perMinute = 0] = figures(pace);
          ok(connections <= 20 && perMinute <= 600 && connections >= 1 && perMinute >= 1);
        }
        deepEqual(figures(pace), [20, 600]);
      },
    ),
  );
});

test('pace: around a fixed hidden limit it never goes further than one step past it, and looks ever more seldom', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 19 }),
      fc.integer({ min: 1, max: 900 }),
      fc.integer({ min: 1, max: 2 ** 31 }),
      fc.boolean(),
      (connections, perMinute, seed, isWarm) => {
        const day = 24 * 60;
        const trace = run({ ...BOUNDED, isWarm }, { connections, perMinute }, day, seededRandom(seed));
        const settled = trace.slice(120);
        for (const { pace } of settled) {
          ok(pace.connections.now <= connections + 1, `${pace.connections.now} connections at ${connections}`);
          ok(pace.perMinute.now <= perMinute + rateStep(perMinute), `${pace.perMinute.now} a minute at ${perMinute}`);
        }
        // Brought down at most one interval in a row, once the limit is known; up to two limits, each looked past hourly.
        const down = settled.filter(({ pace }) => pace.connections.now < connections);
        ok(down.length <= 30, `${down.length} intervals below ${connections} connections`);
        const throttled = settled.filter((one) => one.throttled).length;
        ok(throttled <= 70, `throttled in ${throttled} intervals of a day`);
        const rates = settled.filter(({ pace }) => pace.perMinute.now < perMinute - rateStep(perMinute));
        ok(rates.length <= 60, `${rates.length} intervals more than one step below ${perMinute} a minute`);
      },
    ),
    { numRuns: 60 },
  );
});

test('pace: a hidden limit that falls is followed down, one that goes away is left behind within two hours', () => {
  const random = seededRandom(7);
  const high = run(BOUNDED, { connections: 12, perMinute: 500 }, 600, random).at(-1)?.pace as Pace;
  const low = run(BOUNDED, { connections: 5, perMinute: 100 }, 600, random, {
    ...high,
    reducedAt: { connections: 0, rate: 0 },
  });
  for (const { pace } of low.slice(60)) ok(pace.connections.now <= 6 && pace.perMinute.now <= 120);
  const last = low.at(-1)?.pace as Pace;
  const free = run(BOUNDED, {}, 120, random, last).at(-1)?.pace as Pace;
  deepEqual(figures(free), [20, 1000]);
});
