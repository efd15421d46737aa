// The README's picture: what a terminal showed, as text that any viewer shows.
import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROJECT_ROOT } from '../support/tree.ts';
import { drawTerminal } from './terminal-picture.ts';

const texts = (svg: string): readonly string[] =>
  [...svg.matchAll(/<text x="16".*?<\/text>/g)].map(([line]) => line.replace(/<[^>]*>/g, ''));

test('terminal picture: colours become classes, markup is escaped, other sequences are left out', () => {
  const svg = drawTerminal({
    title: 'a <b>',
    text: '\u001b[32mgood\u001b[0m <plain> & more\u001b[K\r\n\r\nend\r\n',
    columns: 80,
  });
  match(svg, /<tspan class="g">good<\/tspan><tspan class="n"> &#60;plain&#62; &#38; more<\/tspan>/);
  match(svg, /aria-label="a &#60;b&#62;"/);
  deepEqual(texts(svg), ['good &#60;plain&#62; &#38; more', 'end']);
  // oxlint-disable-next-line no-control-regex
  doesNotMatch(svg, /[\u0000-\u0009\u000b-\u001f]/);
});

test('terminal picture: a line longer than the terminal goes on in the next, in its colour', () => {
  const svg = drawTerminal({ title: '', text: `\u001b[31m${'x'.repeat(25)}\u001b[0m!`, columns: 10 });
  deepEqual(texts(svg), ['x'.repeat(10), 'x'.repeat(10), 'xxxxx!']);
  equal(svg.match(/class="r"/g)?.length, 3);
});

test('terminal picture: that of the README is there, from a run of the trial, and asks nobody for anything', () => {
  const svg = readFileSync(join(PROJECT_ROOT, 'test/docs/trial.svg'), 'utf8');
  const readme = readFileSync(join(PROJECT_ROOT, 'README.md'), 'utf8');
  match(readme, /!\[[^\]]+\]\(test\/docs\/trial\.svg\)/);
  for (const word of ['on trial', 'accepted', 'delivered', 'deferred', 'failed', 'Nothing is left behind'])
    match(svg, new RegExp(word));
  doesNotMatch(svg, /(?:href|src)=|url\(|@import/);
  doesNotMatch(svg, /<script|<image/);
});
