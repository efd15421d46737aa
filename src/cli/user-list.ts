// postilion user list: who may log in, and as what.
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { rightsOf } from '../config/guard.ts';
import { problemText } from '../config/problem.ts';
import type { Rate } from '../config/units.ts';
import { durationText } from '../base/duration.ts';
import { loadUsers } from '../config/users.ts';
import type { Command } from './command.ts';
import { getConfig } from './folders.ts';
import { tableText } from './table.ts';

interface Row {
  readonly name: string;
  readonly hasPassword: boolean;
}

export const userList: Command = {
  words: ['user', 'list'],
  summary: 'List users and what they may do',
  examples: [['postilion user list', 'a user without password acts for a trusted network']],
  async run(call) {
    const config = await getConfig(call);
    const loaded = loadUsers(config.folders.spool);
    if ('problems' in loaded) throw new OperatorError(loaded.problems.map(problemText).join('\n'), EXIT.configuration);
    const names = new Set(loaded.users.map(({ name }) => name));
    const rows: Row[] = [...new Set([...names, ...Object.keys(config.users)])]
      .sort()
      .map((name) => ({ name, hasPassword: names.has(name) }));
    const { terminal } = call.deps;
    if (call.json) {
      const users = rows.map((row) => ({ name: row.name, password: row.hasPassword, ...rightsOf(config, row.name) }));
      await terminal.out(`${JSON.stringify(users)}\n`);
    } else await terminal.out(tableText(columnsOf(config), rows, terminal.outColumns));
    return EXIT.ok;
  },
};

const columnsOf = (config: Config) => [
  { title: 'user', of: (row: Row) => row.name },
  { title: 'password', of: (row: Row) => (row.hasPassword ? 'yes' : 'no') },
  { title: 'tenant', of: (row: Row) => rightsOf(config, row.name).tenant },
  { title: 'stream', of: (row: Row) => rightsOf(config, row.name).stream },
  { title: 'rate', of: (row: Row) => rateText(rightsOf(config, row.name).rate) },
  { title: 'recipients', of: (row: Row) => rateText(rightsOf(config, row.name).recipients) },
  { title: 'domains', of: (row: Row) => rightsOf(config, row.name).domains?.join(' ') ?? 'any' },
  { title: 'networks', of: (row: Row) => rightsOf(config, row.name).networks?.join(' ') ?? 'any' },
];

function rateText(rate: Rate | undefined): string {
  return rate === undefined ? 'any' : `${rate.count}/${durationText(rate.perMs).replace(/^1/, '')}`;
}
