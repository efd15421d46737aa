// postilion spool dump: what waits, one message a line.
import { EXIT } from '../base/errors.ts';
import type { Command } from './command.ts';
import { getFolders } from './folders.ts';
import { instantText } from './moment.ts';
import type { DumpedMessage } from './spool-tools.ts';
import { printable } from './table.ts';

export const spoolDump: Command = {
  words: ['spool', 'dump'],
  summary: 'Print every message that waits, one a line',
  details:
    'With --json one object a line: id, accepted_at, user, tenant, stream, reverse_path, forward_paths, size, sha256, body_sha256, state. The relay must not be running.',
  examples: [
    ['postilion spool dump', 'id, time, state, size, reverse-path, recipients'],
    ['postilion spool dump --json | wc -l', 'count them'],
  ],
  async run(call) {
    const { terminal, spool } = call.deps;
    for await (const message of spool.dump(getFolders(call))) {
      await terminal.out(`${call.json ? JSON.stringify(message) : lineOf(message)}\n`);
    }
    return EXIT.ok;
  },
};

function lineOf(message: DumpedMessage): string {
  const [first = '', ...more] = message.forward_paths;
  const at = message.accepted_at;
  const fields = [
    message.id,
    typeof at === 'number' ? instantText(at) : at,
    message.state,
    String(message.size),
    `<${message.reverse_path}>`,
    `<${first}>`,
    ...(more.length > 0 ? [`and ${more.length} more`] : []),
  ];
  return printable(fields.join(' '));
}
