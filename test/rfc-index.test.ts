// The list of RFCs and the code's citations agree, both ways.
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { readTexts } from './support/tree.ts';

const STATUSES = ['done', 'partial', 'roadmap', 'no'];

interface Entry {
  readonly number: string;
  readonly status: string;
  readonly title: string;
}

function readIndex(): Entry[] {
  const text = readTexts('src', '.txt').get('src/rfc-index.txt') ?? '';
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [number = '', status = '', title = ''] = line.split('\t');
      return { number, status, title };
    });
}

/** Also "RFC 3461 4.3 and 4.4", "RFCs 2034 and 3463" and lists like "RFC 5321, RFC 6409". */
function citations(): Map<string, string> {
  const found = new Map<string, string>();
  for (const [path, text] of readTexts('src', '.ts')) {
    for (const match of text.matchAll(/\bRFCs? (\d{3,5})(?:(?:,| and) (\d{4}))?\b/g)) {
      for (const number of [match[1], match[2]]) if (number !== undefined) found.set(number, path);
    }
  }
  return found;
}

test('rfc index: every line has a number, a known status and a title, in order', () => {
  const index = readIndex();
  for (const entry of index) {
    equal(/^\d+$/.test(entry.number) && STATUSES.includes(entry.status) && entry.title !== '', true, entry.number);
  }
  const numbers = index.map((entry) => Number(entry.number));
  deepEqual(
    numbers,
    [...new Set(numbers)].sort((a, b) => a - b),
  );
});

test('rfc index: every cited RFC is listed', () => {
  const listed = new Set(readIndex().map((entry) => entry.number));
  const missing = [...citations()].filter(([number]) => !listed.has(number));
  deepEqual(
    missing.map(([number, path]) => `RFC ${number} is cited in ${path}`),
    [],
  );
});

test('rfc index: what is called done or partial is cited somewhere', () => {
  const cited = citations();
  const idle = readIndex().filter((entry) => ['done', 'partial'].includes(entry.status) && !cited.has(entry.number));
  deepEqual(
    idle.map((entry) => `RFC ${entry.number} is called ${entry.status} and cited nowhere`),
    [],
  );
});
