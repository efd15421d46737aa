// postilion suppress export: the suppression list as CSV, which import reads.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Suppression } from '../flow/suppression.ts';
import type { Command } from './command.ts';
import { getFolders } from './folders.ts';
import { countedText, withProgress } from './progress.ts';
import { LIST_OPTIONS, listingOf } from './suppress-list.ts';
import { CSV_HEAD, csvLine } from './suppression-csv.ts';
import { suppressionJson } from './suppression-fields.ts';
import { listSuppressions } from './suppression-listing.ts';

export const suppressExport: Command = {
  words: ['suppress', 'export'],
  summary: 'Write the suppression list as CSV, which import reads',
  details:
    'To the output, or to a file, which then is there whole or not at all, readable by its owner alone. The relay goes on meanwhile. With --json the output is one entry a line in JSON instead.',
  args: [{ name: 'file', doc: 'the new file', optional: true }],
  options: LIST_OPTIONS,
  examples: [
    ['postilion suppress export list.csv', 'all of it'],
    ['postilion suppress export --tenant acme > acme.csv', 'what holds back mail of one tenant'],
  ],
  async run(call) {
    const { terminal } = call.deps;
    const folders = getFolders(call);
    const listing = listingOf(call);
    const file = call.args['file'];
    if (file === undefined) {
      const line = call.json ? jsonLine : csvLine;
      // With the first answer, so that a relay that gives none leaves nothing written.
      let head = call.json ? '' : CSV_HEAD;
      for await (const entries of listSuppressions(folders, listing)) {
        await terminal.out(`${head}${entries.map(line).join('')}`);
        head = '';
      }
      await terminal.out(head);
      return EXIT.ok;
    }
    const count = await withProgress(call.deps, 'export', async (tell) => {
      const into = new NewFile(file);
      let written = 0;
      try {
        into.write(CSV_HEAD);
        for await (const entries of listSuppressions(folders, listing, tell)) {
          into.write(entries.map(csvLine).join(''));
          written += entries.length;
        }
        into.keep();
      } finally {
        into.discard();
      }
      return written;
    });
    const text = `${countedText(count, 'entry', 'entries')} written to ${file}\n`;
    await terminal.out(call.json ? `${JSON.stringify({ entries: count })}\n` : text);
    return EXIT.ok;
  },
};

function jsonLine(entry: Suppression): string {
  return `${JSON.stringify(suppressionJson(entry))}\n`;
}

/** There when it is whole. */
class NewFile {
  readonly #path: string;
  readonly #part: string;
  #descriptor: number | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#part = `${path}.part`;
    this.#descriptor = this.#orSay(() => openSync(this.#part, 'w', 0o600));
  }

  write(text: string): void {
    this.#orSay(() => writeFileSync(this.#descriptor as number, text));
  }

  keep(): void {
    this.#orSay(() => {
      fsyncSync(this.#descriptor as number);
      closeSync(this.#descriptor as number);
      this.#descriptor = undefined;
      renameSync(this.#part, this.#path);
    });
  }

  /** Nothing to do once it is kept. */
  discard(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    rmSync(this.#part, { force: true });
  }

  #orSay<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new OperatorError(`${this.#path}: cannot be written (${code})`, EXIT.tryAgain, { cause: error });
    }
  }
}
