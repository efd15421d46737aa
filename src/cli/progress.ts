// A bar on a screen for what takes long. Where there is no screen nothing is drawn: the command's last line tells.
import type { Clock } from '../base/clock.ts';
import type { OnProgress } from './spool-tools.ts';
import type { Terminal } from './terminal.ts';

/** Drawing more often costs more than it shows. */
const REDRAW_MS = 100;
const BAR = 30;

interface Progress {
  readonly update: OnProgress;
  /** Removes the bar. */
  end(): Promise<void>;
}

/** Runs what takes long with a bar on the screen, which is gone when this settles. */
export async function withProgress<T>(
  { terminal, clock }: { readonly terminal: Terminal; readonly clock: Clock },
  what: string,
  run: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  const progress = startProgress(terminal, clock, what);
  try {
    return await run(progress.update);
  } finally {
    await progress.end();
  }
}

function startProgress(terminal: Terminal, clock: Clock, what: string): Progress {
  const columns = terminal.noteColumns;
  if (columns === undefined) return { update: () => {}, end: async () => {} };
  let drawnAt = Number.NEGATIVE_INFINITY;
  let drawn = 0;
  const draw = (text: string): Promise<void> => {
    const line = text.slice(0, columns - 1);
    const blank = ' '.repeat(Math.max(0, drawn - line.length));
    drawn = line.length;
    return terminal.note(`\r${line}${blank}`);
  };
  return {
    update(done, total) {
      const now = clock.monotonic();
      if (now - drawnAt < REDRAW_MS) return;
      drawnAt = now;
      void draw(progressText(what, done, total));
    },
    async end() {
      if (drawn > 0) {
        await draw('');
        await terminal.note('\r');
      }
    },
  };
}

export function progressText(what: string, done: number, total: number | undefined): string {
  if (total === undefined) return `${what}: ${countText(done)}`;
  const share = total <= 0 ? 1 : Math.min(1, done / total);
  const full = Math.floor(share * BAR);
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `${what} [${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${percent} %  ${countText(done)} of ${countText(total)}`;
}

/** `1 message`, `1,234 messages`. */
export function countedText(count: number, one: string, more = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : more}`;
}

/** 1234567 → 1,234,567 */
export function countText(count: number): string {
  return count.toLocaleString('en');
}
