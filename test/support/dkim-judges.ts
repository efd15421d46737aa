// Who judges signatures: dkimpy and OpenDKIM, each a Python script that shares nothing with the relay.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

const PYTHON = '/usr/bin/python3';

export interface Judge {
  readonly name: string;
  /** Why it cannot be asked on this machine. */
  readonly away: string | false;
  /** For each message the verdicts of its signatures, first to last. `keys`: records by name, with a dot at the end. */
  verdicts(messages: readonly Buffer[], keys: Readonly<Record<string, string>>): boolean[][];
}

function judge(name: string, script: string, isThere: boolean, packages: string): Judge {
  return {
    name,
    away: isThere ? false : `${packages} not installed`,
    verdicts(messages, keys) {
      const input = messages.map((message) => JSON.stringify({ message: message.toString('base64'), keys })).join('\n');
      const done = spawnSync(PYTHON, [script], { input, maxBuffer: 1 << 28 });
      assert.equal(done.status, 0, done.stderr.toString());
      const lines = done.stdout.toString().trim().split('\n');
      assert.equal(lines.length, messages.length, name);
      return lines.map((line) => JSON.parse(line) as boolean[]);
    },
  };
}

/**
 * Where OpenDKIM 2.11 reads RFC 6376 otherwise, by name in `awkwardMail`, and only in the relaxed form of the body. Section
 * 3.4.4: a last line without CRLF gets one, but it leaves it without. Over SMTP there is no such line.
 */
export function opendkimDiffers(name: string, canonicalization: string): boolean {
  return name === 'no final CRLF' && canonicalization === 'relaxed/relaxed';
}

const imports = (modules: string): boolean => spawnSync(PYTHON, ['-c', `import ${modules}`]).status === 0;

export const JUDGES: readonly Judge[] = [
  judge('dkimpy', 'test/support/dkim-verify.py', imports('dkim, nacl'), 'python3-dkim or python3-nacl'),
  judge(
    'OpenDKIM',
    'test/support/opendkim-verify.py',
    spawnSync(PYTHON, ['test/support/opendkim-verify.py', 'only-load']).status === 0,
    'opendkim-tools',
  ),
];
