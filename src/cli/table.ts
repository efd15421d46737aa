// A table of text: columns side by side, numbers to the right. Nothing from a peer can move the cursor.

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string;
  readonly align?: 'right';
}

/** With `columns` (a screen's width) the last column is cut to fit; without, nothing is. */
export function tableText<Row>(columnsOf: readonly Column<Row>[], rows: readonly Row[], columns?: number): string {
  const cells = rows.map((row) => columnsOf.map((column) => printable(column.of(row))));
  const titles = columnsOf.map(({ title }) => title.toUpperCase());
  const widths = titles.map((title, at) => Math.max(title.length, ...cells.map((row) => widthOf(row[at] ?? ''))));
  const line = (row: readonly string[]): string => {
    const text = row
      .map((cell, at) => {
        const room = ' '.repeat(Math.max(0, (widths[at] ?? 0) - widthOf(cell)));
        return columnsOf[at]?.align === 'right' ? `${room}${cell}` : `${cell}${room}`;
      })
      .join('  ')
      .trimEnd();
    return cut(text, columns);
  };
  return [titles, ...cells].map((row) => `${line(row)}\n`).join('');
}

/** Control, format and unassigned characters become `?`. */
export function printable(text: string): string {
  return text.replace(/[^\P{C}]/gu, '?');
}

/** Code points: near enough, and never less than what a name of A-labels takes. */
function widthOf(text: string): number {
  return Array.from(text).length;
}

/** To so many columns; absent: not at all. */
export function cut(text: string, columns: number | undefined): string {
  if (columns === undefined) return text;
  const characters = Array.from(text);
  return characters.length <= columns ? text : `${characters.slice(0, Math.max(0, columns - 1)).join('')}…`;
}
