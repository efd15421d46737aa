import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('end after a failed sync: one line, then SIGKILL, and nothing after it', () => {
  const die = fileURLToPath(new URL('../../src/spool/die.js', import.meta.url));
  const script = `
    const { killSelf } = await import(${JSON.stringify(die)});
    process.on('exit', () => console.log('an orderly exit'));
    killSelf({ error: (fields, text) => console.log(JSON.stringify(fields), text) })('sync of x: EIO');
    console.log('still here');`;
  const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(signal, 'SIGKILL');
  assert.match(stdout, /^\{"reason":"sync of x: EIO"\} the disk failed[^\n]*\n$/);
});
