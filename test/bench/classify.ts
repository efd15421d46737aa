// `npm run bench -- classify`: replies a second on one core, with all shipped rules, of replies of every kind: the
// project's own cases and the samples of the rules. Judged: below the floor the exit code is 1.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { classify, questionOf, type Question } from '../../src/rules/classify.ts';
import { shippedSet as set } from '../support/rules.ts';
import { PROJECT_ROOT } from '../support/tree.ts';

const FLOOR = 20_000;
const ROUND_MS = 2_000;
const ROUNDS = 5;

interface Sample {
  readonly text: string;
  readonly provider: string | undefined;
}

function samples(): readonly Sample[] {
  const folder = join(PROJECT_ROOT, 'test/cases/replies');
  const cases = readdirSync(folder).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const [, provider, ...rest] = line.split(' | ');
        return {
          text: rest.join(' | ').replaceAll('\\r\\n', '\r\n'),
          provider: provider === '-' ? undefined : provider,
        };
      }),
  );
  return [...cases, ...set.all.map(({ sample, provider }) => ({ text: sample, provider }))];
}

/** Replies a second over one round. */
function rateOf(count: number, each: (at: number) => void): number {
  const began = systemClock.monotonic();
  let done = 0;
  let elapsedMs = 0;
  do {
    for (let at = 0; at < count; at++) each(at);
    done += count;
    elapsedMs = systemClock.monotonic() - began;
  } while (elapsedMs < ROUND_MS);
  return (done * 1000) / elapsedMs;
}

/** False: too slow. */
export function benchClassify(): boolean {
  const given = samples();
  const asked: readonly Question[] = given.map(({ text, provider }) => questionOf(text, provider));
  const strangers = given.map(({ text }) => questionOf(text));
  console.log(`${set.all.length} rules, ${given.length} different replies, one core; replies a second:`);
  const kinds: readonly (readonly [string, (at: number) => void])[] = [
    ['as the relay has them, parsed', (at) => void classify(set, asked[at] as Question)],
    ['of providers nobody knows', (at) => void classify(set, strangers[at] as Question)],
    ['as text, read first', (at) => void classify(set, questionOf(given[at]?.text ?? '', given[at]?.provider))],
  ];
  let isFast = true;
  for (const [what, each] of kinds) {
    const rates = Array.from({ length: ROUNDS }, () => rateOf(given.length, each)).sort((a, b) => a - b);
    const [slowest = 0] = rates;
    const median = rates[Math.floor(ROUNDS / 2)] ?? 0;
    if (median < FLOOR) isFast = false;
    const figures = [median, slowest].map((rate) => Math.round(rate).toLocaleString('en'));
    console.log(`  ${what.padEnd(30)} ${figures[0]}, at worst ${figures[1]}`);
  }
  console.log(isFast ? `over ${FLOOR.toLocaleString('en')}: good` : `below ${FLOOR.toLocaleString('en')}: too slow`);
  return isFast;
}
