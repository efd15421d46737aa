import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { finalDot, type LineState, stuff } from '../../src/smtp/transparency.ts';

function stuffed(chunks: readonly Buffer[]): string {
  let state: LineState = 'start';
  let out = '';
  for (const chunk of chunks) {
    const one = stuff(chunk, state);
    out += one.octets.toString('latin1');
    state = one.state;
  }
  return out + finalDot(state);
}

/** The rule, said in another way: line by line. */
function wanted(content: string): string {
  const lines = content.split('\r\n');
  const dotted = lines.map((line) => (line.startsWith('.') ? `.${line}` : line)).join('\r\n');
  return content === '' || content.endsWith('\r\n') ? `${dotted}.\r\n` : `${dotted}\r\n.\r\n`;
}

for (const [content, want] of [
  ['', '.\r\n'],
  ['a\r\n', 'a\r\n.\r\n'],
  ['.\r\n', '..\r\n.\r\n'],
  ['..\r\n', '...\r\n.\r\n'],
  ['a\r\n.\r\n.b\r\n', 'a\r\n..\r\n..b\r\n.\r\n'],
  ['a', 'a\r\n.\r\n'],
  ['a.b\r\nc.\r\n', 'a.b\r\nc.\r\n.\r\n'],
] as const) {
  test(`transparency: ${JSON.stringify(content)} becomes ${JSON.stringify(want)}`, () => {
    assert.equal(stuffed([Buffer.from(content)]), want);
    assert.equal(stuffed([...Buffer.from(content)].map((octet) => Buffer.from([octet]))), want);
    assert.equal(wanted(content), want);
  });
}

test('transparency: content without a dot at a line start passes as it is, without a copy', () => {
  const content = Buffer.from('Subject: x\r\n\r\nsome. text.\r\n');
  assert.equal(stuff(content, 'start').octets, content);
});

test('transparency: any content in any cut has every dot doubled, also in a storm of dots', () => {
  const piece = fc.constantFrom('.', '\r\n', '\r\n.', '\r', '\n', 'a', '.\r\n', '\r\n..\r\n', 'text. more');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 400 }), fc.integer({ min: 1, max: 500 }), (pieces, size) => {
      const octets = Buffer.from(pieces.join(''), 'latin1');
      const chunks: Buffer[] = [];
      for (let at = 0; at < octets.length; at += size) chunks.push(octets.subarray(at, at + size));
      assert.equal(stuffed(chunks), wanted(octets.toString('latin1')));
    }),
    { numRuns: 500 },
  );
});

test('transparency: a megabyte of dots is stuffed whole', () => {
  const storm = '\r\n.'.repeat(350_000);
  assert.equal(stuffed([Buffer.from(`a${storm}\r\n`)]), `a${'\r\n..'.repeat(350_000)}\r\n.\r\n`);
});
