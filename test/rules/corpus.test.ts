// The replies of ../shared/corpus, read by the program itself and judged by the corpus' own scorer.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stage } from '../cli/stage.ts';

const CORPUS = '../shared/corpus';
const REPLIES = join(CORPUS, 'replies.open.jsonl');

/** What the scorer's first line says of `what`: `272/274 99.3%`. */
function figure(line: string, what: string): { readonly count: number; readonly share: number } {
  const found = new RegExp(`${what} (\\d+)/(\\d+) `).exec(line);
  assert.ok(found, `${what} is not in: ${line}`);
  return { count: Number(found[1]), share: Number(found[1]) / Number(found[2]) };
}

test('corpus: the open replies are read right, and next to none of them suppresses wrongly', {
  skip: existsSync(REPLIES) ? false : `no ${CORPUS} here`,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postilion-corpus-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { code, out, note } = await stage(t).run(['classify', '--jsonl'], { input: readFileSync(REPLIES, 'utf8') });
  assert.deepEqual({ code, note }, { code: 0, note: '' });
  const answers = join(folder, 'answers.jsonl');
  writeFileSync(answers, out);
  const scorer = spawnSync(process.execPath, [join(CORPUS, 'score.mjs'), 'replies', answers, REPLIES], {
    encoding: 'utf8',
  });
  assert.equal(scorer.status, 0, scorer.stderr);
  const [said = ''] = scorer.stdout.split('\n');
  t.diagnostic(`open replies: ${said}`);
  assert.ok(figure(said, 'acceptable').share >= 0.9, said);
  assert.ok(figure(said, 'undetermined').share <= 0.05, said);
  assert.ok(figure(said, 'false-suppress').count <= 1, said);
  assert.ok(figure(said, 'missed-hard').share <= 0.08, said);
});
