// postilion top: what goes on now, once a second: rates, what waits, connections, and who answers what.
import { EXIT, OperatorError } from '../base/errors.ts';
import { TOP_ROWS_DEFAULT, type TopReport } from '../control/api.ts';
import { parseDuration } from '../config/units.ts';
import { type Call, type Command, optionText } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { paintFor, plain } from './paint.ts';
import { topFrame, topJson } from './top-frame.ts';

/** Of a frame without its rows: titles, totals, the most alarms that are shown. */
const LINES_ABOVE = 12;
const EVERY_MS_MIN = 100;

export const top: Command = {
  words: ['top'],
  summary: 'Watch what goes on now: rates by provider and domain, connections, alarms',
  details:
    'Once a second, on a screen in place, else one block after the other; with --json one line each time. Rates are those since the line before. Ctrl-C ends it, and nothing is changed. A domain whose provider is known counts as that provider. pace: what the lanes of a provider may do together whose pace is below the ceiling, when there are any.',
  options: [
    { flags: '--every <duration>', doc: 'time between two looks (1s)' },
    { flags: '--times <n>', doc: 'end after so many' },
  ],
  examples: [
    ['postilion top', 'until Ctrl-C'],
    ['postilion top --json --every 10s', 'for a program'],
    ['postilion top --times 1', 'one look, over a second'],
  ],
  async run(call) {
    const { terminal, clock } = call.deps;
    const folders = getFolders(call);
    const everyMs = everyOf(call);
    const times = timesOf(call);
    const look = (rows: number): Promise<TopReport> =>
      ask(folders, 'GET /v1/top', undefined, { query: { rows: String(rows) } });
    const size = (): { columns: number; rows: number } | undefined => (call.json ? undefined : terminal.screen?.());
    const paint = size() === undefined ? plain : paintFor(true, call.deps.env);
    const interrupted = call.deps.untilInterrupted();
    let before = await look(TOP_ROWS_DEFAULT);
    const show = (report: TopReport, earlier?: TopReport): Promise<void> => {
      if (call.json) return terminal.out(`${JSON.stringify(topJson(report, earlier))}\n`);
      const on = size();
      const frame = topFrame(report, earlier, {
        paint,
        ...(on === undefined ? {} : { columns: on.columns, lines: on.rows - 1 }),
      });
      return terminal.out(
        on === undefined ? `${frame}\n` : `${HOME}${frame.replaceAll('\n', `${CLEAR_LINE}\n`)}${CLEAR_BELOW}`,
      );
    };
    const isOnScreen = size() !== undefined;
    if (isOnScreen) await terminal.out(`${OTHER_SCREEN}${NO_CURSOR}`);
    try {
      if (isOnScreen) await show(before);
      for (let shown = 0; shown < times; shown++) {
        const isOver = await Promise.race([interrupted.then(() => true), pause(clock, everyMs)]);
        if (isOver) break;
        const report = await look(Math.max(1, (size()?.rows ?? TOP_ROWS_DEFAULT + LINES_ABOVE) - LINES_ABOVE));
        await show(report, before);
        before = report;
      }
    } finally {
      if (isOnScreen) await terminal.out(`${CURSOR}${FIRST_SCREEN}`);
    }
    return EXIT.ok;
  },
};

const ESC = '\u001b[';
const OTHER_SCREEN = `${ESC}?1049h`;
const FIRST_SCREEN = `${ESC}?1049l`;
const NO_CURSOR = `${ESC}?25l`;
const CURSOR = `${ESC}?25h`;
const HOME = `${ESC}H`;
const CLEAR_LINE = `${ESC}K`;
const CLEAR_BELOW = `${ESC}J`;

function pause(clock: Call['deps']['clock'], ms: number): Promise<false> {
  return new Promise((resolve) => void clock.after(ms, () => resolve(false)));
}

function everyOf(call: Call): number {
  const text = optionText(call, 'every');
  if (text === undefined) return 1000;
  const parsed = parseDuration(text);
  if ('value' in parsed && parsed.value >= EVERY_MS_MIN) return parsed.value;
  throw new OperatorError(
    `--every takes a duration of at least ${EVERY_MS_MIN}ms, such as 10s, not '${text}'`,
    EXIT.usage,
  );
}

function timesOf(call: Call): number {
  const text = optionText(call, 'times');
  if (text === undefined) return Infinity;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new OperatorError(`--times takes a number from 1 on, not '${text}'`, EXIT.usage);
}
