// CSV as RFC 4180 has it, read and written: quotes around what needs them, doubled inside; lines end with LF or CRLF.

export interface CsvRow {
  readonly fields: readonly string[];
  /** Of the row's beginning, from 1. */
  readonly line: number;
}

/** A quote that is never closed, or stands where none may. */
export class CsvFault extends Error {
  override readonly name = 'CsvFault';
  readonly line: number;
  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** Rows in order; empty lines are none. Throws CsvFault. */
export function* parseCsv(text: string): Generator<CsvRow> {
  let line = 1;
  for (let at = text.charCodeAt(0) === 0xfeff ? 1 : 0; at < text.length; ) {
    const row: CsvRow = { fields: [], line };
    const fields: string[] = [];
    for (let isMore = true; isMore; ) {
      const field = fieldAt(text, at, line);
      fields.push(field.value);
      line += field.lines;
      at = field.end;
      isMore = text[at] === ',';
      if (isMore) at++;
    }
    if (text[at] === '\r') at++;
    if (at < text.length && text[at] !== '\n') throw new CsvFault('something stands behind a quoted field', line);
    at++;
    line++;
    if (fields.length > 1 || fields[0] !== '') yield { ...row, fields };
  }
}

interface Field {
  readonly value: string;
  /** Of the character behind it. */
  readonly end: number;
  /** Line feeds inside. */
  readonly lines: number;
}

function fieldAt(text: string, at: number, line: number): Field {
  if (text[at] !== '"') {
    let end = at;
    while (end < text.length && text[end] !== ',' && text[end] !== '\n') end++;
    const value = text.slice(at, text[end - 1] === '\r' && text[end] !== ',' && end > at ? end - 1 : end);
    return { value, end: at + value.length, lines: 0 };
  }
  let value = '';
  for (let from = at + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote === -1) throw new CsvFault('a quote is never closed', line);
    value += text.slice(from, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1, lines: value.split('\n').length - 1 };
    value += '"';
    from = quote + 2;
  }
}

/** With its line feed. */
export function csvText(fields: readonly string[]): string {
  return `${fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')}\n`;
}
