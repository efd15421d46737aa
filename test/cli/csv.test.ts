import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CsvFault, csvText, parseCsv } from '../../src/cli/csv.ts';

test('csv: what is written is read, with its lines', () => {
  const field = fc
    .array(fc.constantFrom('a', '"', ',', '\n', '\r\n', ' ', 'é'), { maxLength: 5 })
    .map((all) => all.join(''));
  fc.assert(
    fc.property(fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 5 }), (rows) => {
      const text = rows.map(csvText).join('');
      assert.deepEqual(
        [...parseCsv(text)].map(({ fields }) => fields),
        rows,
      );
    }),
  );
});

test('csv: lines end in either way or not at all, and what is broken is told with its line', () => {
  const read = (text: string) => [...parseCsv(text)].map(({ line, fields }) => [line, ...fields]);
  assert.deepEqual(read('\ufeffa,b\r\n\r\n"c\nd",e\nf,'), [
    [1, 'a', 'b'],
    [3, 'c\nd', 'e'],
    [5, 'f', ''],
  ]);
  for (const [text, line] of [
    ['a\n"b', 2],
    ['a\n"b"c', 2],
  ] as const) {
    assert.throws(
      () => read(text),
      (error) => error instanceof CsvFault && error.line === line,
    );
  }
});
