// postilion suppress import: takes a CSV file or a list of addresses into the suppression list, all of it or nothing.
import { readFileSync } from 'node:fs';
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Folders } from '../config/config.ts';
import type { SuppressionInput } from '../control/api.ts';
import { PAGES, placeOf } from '../policy/suppression-page.ts';
import { type Call, type Command, given } from './command.ts';
import { ask } from './control-client.ts';
import { CsvFault, parseCsv } from './csv.ts';
import { getFolders } from './folders.ts';
import { countText, countedText, withProgress } from './progress.ts';
import type { OnProgress } from './spool-tools.ts';
import { type CsvTrouble, inputOf, type Layout, layoutOf } from './suppression-csv.ts';

/** The relay takes 64 KiB in one request. */
const BODY_OCTETS_MAX = 60_000;
const TROUBLES_SHOWN = 20;
const FILE_OCTETS_MAX = 2 ** 29;

export const suppressImport: Command = {
  words: ['suppress', 'import'],
  summary: 'Take addresses from a CSV file into the suppression list',
  details:
    'The first line names the columns: address, and any of scope, reason, at, until, by, soft, message_id, reply, note. Without that line: one address a line. Scope is global unless told, the reason import. When a line is wrong nothing is taken, and exit code 1. It may be run again: what is there is kept.',
  args: [{ name: 'file', doc: 'the file, or - for the input' }],
  options: [{ flags: '--skip-invalid', doc: 'take what is right, name what is not' }],
  examples: [
    ['postilion suppress import bounces.csv', 'or a plain list of addresses'],
    ['postilion suppress import old-relay.csv --skip-invalid', 'whatever stands in it'],
    ['postilion suppress import - < list.txt', 'what another relay exported'],
  ],
  async run(call) {
    const { terminal } = call.deps;
    const file = given(call, 'file');
    const name = file === '-' ? 'input' : file;
    const { entries, troubles } = readEntries(await readText(call, file));
    for (const { line, text } of troubles.slice(0, TROUBLES_SHOWN)) await terminal.note(`${name}:${line}: ${text}\n`);
    if (troubles.length > 0 && call.options['skipInvalid'] !== true) {
      throw new OperatorError(
        `nothing was taken: ${countedText(troubles.length, 'line is', 'lines are')} wrong; --skip-invalid takes the others`,
        EXIT.no,
      );
    }
    const folders = getFolders(call);
    const sum = await withProgress(call.deps, 'import', (tell) => send(folders, entries, tell));
    const result = { ...sum, invalid: troubles.length };
    await terminal.out(call.json ? `${JSON.stringify(result)}\n` : `${resultText(result)}\n`);
    return sum.unreadable > 0 ? EXIT.no : EXIT.ok;
  },
};

async function readText(call: Call, file: string): Promise<string> {
  if (file === '-') return call.deps.terminal.readAll(FILE_OCTETS_MAX);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new OperatorError(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`, EXIT.usage, {
      cause: error,
    });
  }
}

function readEntries(text: string): {
  readonly entries: readonly SuppressionInput[];
  readonly troubles: readonly CsvTrouble[];
} {
  const entries: SuppressionInput[] = [];
  const troubles: CsvTrouble[] = [];
  let layout: Layout | undefined;
  try {
    for (const row of parseCsv(text)) {
      if (layout === undefined) {
        const said = layoutOf(row);
        if ('line' in said) return { entries: [], troubles: [said] };
        layout = said.layout;
        if (said.isHead) continue;
      }
      const input = inputOf(row, layout);
      if ('line' in input) troubles.push(input);
      else entries.push(input);
    }
  } catch (error) {
    if (!(error instanceof CsvFault)) throw error;
    // Where one row ends is not known any more.
    return { entries: [], troubles: [{ line: error.line, text: error.message }] };
  }
  return { entries, troubles };
}

interface Sum {
  added: number;
  kept: number;
  unreadable: number;
}

/** In the order of their places: what stands in one page of the list is written once. */
async function send(folders: Folders, entries: readonly SuppressionInput[], tell: OnProgress): Promise<Sum> {
  const sum: Sum = { added: 0, kept: 0, unreadable: 0 };
  const { salt } = await ask(folders, 'POST /v1/suppressions', { entries: [] });
  const pages = Float64Array.from(entries, ({ address }, at) => placeOf(address, salt).page + at * PAGES);
  pages.sort((a, b) => (a % PAGES) - (b % PAGES) || a - b);
  let body: SuppressionInput[] = [];
  let octets = 0;
  let done = 0;
  const flush = async (): Promise<void> => {
    if (body.length === 0) return;
    const answer = await ask(folders, 'POST /v1/suppressions', { entries: body });
    sum.added += answer.added;
    sum.kept += answer.kept;
    sum.unreadable += answer.unreadable;
    done += body.length;
    body = [];
    octets = 0;
    tell(done, entries.length);
  };
  for (const place of pages) {
    const entry = entries[Math.floor(place / PAGES)] as SuppressionInput;
    const size = Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (octets + size > BODY_OCTETS_MAX) await flush();
    body.push(entry);
    octets += size;
  }
  await flush();
  return sum;
}

function resultText({ added, kept, unreadable, invalid }: Sum & { readonly invalid: number }): string {
  return [
    `${countedText(added, 'entry', 'entries')} taken in, ${countedText(kept, 'was', 'were')} there already`,
    invalid > 0 ? `${countedText(invalid, 'line was', 'lines were')} wrong` : '',
    unreadable > 0 ? `${countText(unreadable)} not taken: the list is damaged there, see postilion queue` : '',
  ]
    .filter(Boolean)
    .join('; ');
}
