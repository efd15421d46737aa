// Plays a conversation from a .dialog file over loopback:
//   # comment          why, with the RFC's section
//   C: text            sends text and CRLF (\r \n \0 \\ \xHH are octets); `C~ text` sends it without CRLF
//   S: text            the next line begins with text; `...` stands for anything
//   TLS                the client's handshake · CLOSED  the server has closed
import { match } from 'node:assert/strict';
import type { LineClient } from './line-client.ts';

const octets = (text: string): string =>
  text.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (_all, hex: string | undefined, letter: string) =>
    hex === undefined
      ? ({ r: '\r', n: '\n', 0: '\0' }[letter] ?? letter)
      : String.fromCharCode(Number.parseInt(hex, 16)),
  );

const pattern = (text: string): RegExp =>
  new RegExp(
    `^${text
      .replace(/[\\^$*+?()[\]{}|]/g, '\\$&')
      .replaceAll('...', '\0')
      .replaceAll('.', '\\.')
      .replaceAll('\0', '.*')}`,
  );

export async function playDialog(text: string, client: LineClient): Promise<void> {
  for (const [index, line] of text.split('\n').entries()) {
    const where = `line ${index + 1}: ${line}`;
    const value = line.slice(3);
    if (line.startsWith('C: ') || line === 'C:') client.send(`${octets(value)}\r\n`);
    else if (line.startsWith('C~ ')) client.send(octets(value));
    else if (line.startsWith('S: ')) {
      const got = (await client.line()) ?? 'closed';
      match(got, pattern(value), `${where}; got ${got}`);
    } else if (line === 'TLS') await client.startTls();
    else if (line === 'CLOSED') match((await client.line()) ?? 'closed', /^closed$/, where);
    else if (line !== '' && !line.startsWith('#')) throw new Error(`not a line of a dialog: ${where}`);
  }
}
