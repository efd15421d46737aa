// Replies of the project's own, test/cases/replies: what mail servers, providers and filters say, and what it means.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { classify, questionOf } from '../../src/rules/classify.ts';
import { shippedSet as set } from '../support/rules.ts';

const FOLDER = 'test/cases/replies';

interface Case {
  readonly place: string;
  readonly wanted: readonly string[];
  readonly provider?: string;
  readonly text: string;
}

function readCases(): readonly Case[] {
  return readdirSync(FOLDER).flatMap((name) =>
    readFileSync(join(FOLDER, name), 'utf8')
      .split('\n')
      .flatMap((line, at): readonly Case[] => {
        if (line === '' || line.startsWith('#')) return [];
        const [categories = '', provider = '', ...rest] = line.split(' | ');
        const text = rest.join(' | ').replaceAll('\\r\\n', '\r\n');
        const place = `${name}:${at + 1}`;
        const wanted = categories.split(',');
        for (const one of wanted) assert.ok(set.categories.has(one), `${place}: no category ${one}`);
        return [{ place, wanted, text, ...(provider === '-' ? {} : { provider }) }];
      }),
  );
}

const cases = readCases();

test('cases: what mail servers, providers and filters say is read right', () => {
  assert.ok(cases.length > 680);
  const wrong = cases.flatMap(({ place, wanted, provider, text }) => {
    const { category, rule } = classify(set, questionOf(text, provider));
    return wanted.includes(category)
      ? []
      : [`${place}: wanted ${wanted.join(' or ')}, got ${category} by ${rule}: ${text}`];
  });
  assert.deepEqual(wrong, []);
});

test('cases: no words about a block, a throttle, content or ourselves are taken for a mailbox that is gone, whatever their codes', () => {
  const isHard = (name: string): boolean => set.categories.get(name)?.class === 'hard';
  for (const { place, wanted, provider, text } of cases) {
    if (wanted.some(isHard)) continue;
    for (const words of [text, text.replace(/^\d{3}/gm, '550')]) {
      assert.ok(!isHard(classify(set, questionOf(words, provider)).category), `${place}: ${words}`);
      assert.ok(!isHard(classify(set, questionOf(words)).category), `${place}, provider unknown: ${words}`);
    }
  }
});
