// postilion lane pin: a pace that replies do not change.
import { EXIT, OperatorError } from '../base/errors.ts';
import { type Command, given, optionText } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { LANE_ARGUMENT, laneText } from './lane-text.ts';

const MINUTE_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export const lanePin: Command = {
  words: ['lane', 'pin'],
  summary: 'Give a lane a pace that replies do not change',
  details:
    'Until `postilion lane release`, restarts included. The caps of the configuration go on counting, and a block suspends the lane all the same.',
  args: [LANE_ARGUMENT],
  options: [
    { flags: '--connections <n>', doc: 'connections at a time' },
    { flags: '--rate <rate>', doc: 'deliveries, e.g. 30/m or 500/h (no limit)' },
  ],
  examples: [['postilion lane pin out1/google --connections 2 --rate 30/m', 'whatever it answers']],
  async run(call) {
    const lane = given(call, 'lane');
    const connections = optionText(call, 'connections') ?? '';
    if (!/^[1-9]\d{0,4}$/.test(connections)) {
      throw new OperatorError(`--connections takes a number from 1 to 99999, not '${connections}'`, EXIT.usage);
    }
    const rate = optionText(call, 'rate');
    const perMinute = rate === undefined ? undefined : perMinuteOf(rate);
    const figures = { connections: Number(connections), ...(perMinute !== undefined && { perMinute }) };
    const report = await ask(getFolders(call), 'POST /v1/lanes/pin', { lane, ...figures });
    const { terminal, clock } = call.deps;
    await terminal.out(call.json ? `${JSON.stringify(report)}\n` : laneText(report, clock.now()));
    return EXIT.ok;
  },
};

function perMinuteOf(text: string): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)\/([smhd])$/.exec(text) ?? [];
  const perMinute = (Number(count) * 60_000) / MINUTE_MS[unit as keyof typeof MINUTE_MS];
  if (count === undefined || !(perMinute > 0)) {
    throw new OperatorError(`--rate takes a rate such as 30/m or 500/h, not '${text}'`, EXIT.usage);
  }
  return perMinute;
}
