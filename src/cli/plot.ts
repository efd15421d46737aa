// A plot of days for a terminal: one bar a day, as high as its recipients on a logarithmic scale, for a warm-up grows a
// thousandfold. Pure: numbers in, lines out.

export interface Bar {
  /** What was done. */
  readonly full: number;
  /** What could have been done: the shade above it. */
  readonly shade: number;
}

const ROWS = 12;
const LABEL = 6;

/** At most `columns` wide. Of too many bars each stands for the highest of a few. */
export function plotText(bars: readonly Bar[], columns: number): string {
  if (bars.length === 0) return '';
  const room = Math.max(10, columns - LABEL - 2);
  const each = Math.max(1, Math.min(3, Math.floor(room / bars.length)));
  const step = Math.ceil(bars.length / room);
  const shown = Array.from({ length: Math.ceil(bars.length / step) }, (_, at) =>
    bars.slice(at * step, (at + 1) * step).reduce((best, bar) => (bar.full > best.full ? bar : best)),
  );
  const most = Math.max(...shown.map(({ full, shade }) => Math.max(full, shade)), 10);
  const least = Math.min(...shown.flatMap(({ full, shade }) => [full, shade]).filter((value) => value > 0), most / 10);
  const low = Math.log10(least) - 0.2;
  const scale = (Math.log10(most) - low) / ROWS;
  const height = (value: number): number => (value <= 0 ? 0 : Math.max(0.5, (Math.log10(value) - low) / scale));
  const labels = new Map<number, string>();
  for (let power = Math.ceil(low); power <= Math.log10(most) + 1e-9; power++) {
    const row = Math.max(0, Math.ceil((power - low) / scale) - 1);
    labels.set(row, amountText(10 ** power));
  }
  const lines: string[] = [];
  for (let row = ROWS - 1; row >= 0; row--) {
    const label = labels.get(row);
    const axis = `${(label ?? '').padStart(LABEL)} ${label === undefined ? '│' : '┤'}`;
    const cells = shown.map(({ full, shade }) => cell(row, height(full), height(shade), each)).join('');
    lines.push(`${axis}${cells}`.trimEnd());
  }
  lines.push(`${' '.repeat(LABEL)} └${'─'.repeat(shown.length * each)}`, axisOf(shown.length, each, step));
  return lines.map((line) => `${line}\n`).join('');
}

function cell(row: number, full: number, shade: number, each: number): string {
  const fill = full >= row + 0.75 ? '█' : full >= row + 0.25 ? '▄' : shade >= row + 0.5 ? '░' : ' ';
  return each === 1 ? fill : `${fill.repeat(each - 1)}${fill === '░' ? '░' : ' '}`;
}

function axisOf(bars: number, each: number, step: number): string {
  let text = ' '.repeat(LABEL + 2);
  for (let bar = 0; bar < bars; bar++) {
    const day = bar * step + 1;
    const isMarked = bar === 0 || (bar + 1) % 5 === 0;
    const at = LABEL + 2 + bar * each;
    if (isMarked && text.length <= at) text = `${text.padEnd(at)}${day}`;
  }
  return text;
}

/** 1500 → `1.5k` */
export function amountText(amount: number): string {
  if (amount < 1000) return String(Math.round(amount));
  const [unit, name] = amount >= 1e6 ? [1e6, 'M'] : [1e3, 'k'];
  const scaled = amount / unit;
  return `${scaled >= 100 ? Math.round(scaled) : Number(scaled.toFixed(1))}${name}`;
}
