// What a terminal showed, as a picture that needs nothing to be looked at: an SVG with its text as text. Pure.

export interface Recorded {
  /** Stands in the picture's bar. */
  readonly title: string;
  /** As the terminal got it: lines, colours by SGR sequences, other sequences ignored. */
  readonly text: string;
  readonly columns: number;
}

interface Span {
  readonly text: string;
  readonly code: number;
}

/** What SGR codes of src/cli/paint.ts look like on a dark ground. */
const STYLES: Readonly<Record<number, string>> = {
  0: 'n',
  1: 'b',
  2: 'd',
  31: 'r',
  32: 'g',
  33: 'y',
  36: 'c',
};

const CSS = [
  'text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}',
  '.n{fill:#d6dbe4}.b{fill:#fff;font-weight:700}.d{fill:#8a93a3}.r{fill:#ff7b72}.g{fill:#7ee787}.y{fill:#f2cc60}.c{fill:#79c0ff}',
].join('');

const CHARACTER = 7.85;
const LINE = 18;
const MARGIN = 16;
const BAR = 34;

export function drawTerminal({ title, text, columns }: Recorded): string {
  const lines = text
    .replaceAll('\r', '')
    .replace(/\n+$/, '')
    .split('\n')
    .flatMap((line) => wrapped(spansOf(line), columns));
  const width = Math.ceil(columns * CHARACTER + 2 * MARGIN);
  const height = BAR + lines.length * LINE + MARGIN;
  const rows = lines.map((spans, at) => {
    const y = BAR + (at + 1) * LINE - 5;
    const parts = spans.map(({ text: part, code }) => `<tspan class="${STYLES[code] ?? 'n'}">${escaped(part)}</tspan>`);
    return spans.length === 0 ? '' : `<text x="${MARGIN}" y="${y}" xml:space="preserve">${parts.join('')}</text>\n`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">\n`,
    `<style>${CSS}</style>\n`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>\n`,
    ...['#ff5f57', '#febc2e', '#28c840'].map(
      (colour, at) => `<circle cx="${20 + at * 18}" cy="17" r="5" fill="${colour}"/>`,
    ),
    `\n<text x="${width / 2}" y="21" text-anchor="middle" class="d">${escaped(title)}</text>\n`,
    ...rows,
    '</svg>\n',
  ].join('');
}

function spansOf(line: string): readonly Span[] {
  const spans: Span[] = [];
  let code = 0;
  // The pieces alternate: text, then the parameters of the sequence behind it.
  // oxlint-disable-next-line no-control-regex
  line.split(/\u001b\[([0-9;?]*)([A-Za-z])/).forEach((piece, at, pieces) => {
    if (at % 3 === 0 && piece !== '') spans.push({ text: piece, code });
    if (at % 3 === 1 && pieces[at + 1] === 'm') code = Number(piece.split(';').at(-1) ?? 0);
  });
  return spans;
}

function wrapped(spans: readonly Span[], columns: number): readonly (readonly Span[])[] {
  const lines: Span[][] = [[]];
  let room = columns;
  for (const { text, code } of spans) {
    let rest = Array.from(text);
    while (rest.length > room) {
      lines.at(-1)?.push({ text: rest.slice(0, room).join(''), code });
      rest = rest.slice(room);
      lines.push([]);
      room = columns;
    }
    if (rest.length > 0) lines.at(-1)?.push({ text: rest.join(''), code });
    room -= rest.length;
  }
  return lines;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
