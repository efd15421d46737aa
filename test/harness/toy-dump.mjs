// What the toy relay of the shared harness has in its spool, in the lines of `spool dump --json`: for the driver's own test.
import { createHash } from 'node:crypto';
import { open } from 'lmdb';

const db = open({ path: `${process.env.RUN_DIR}/spool/spool.mdb`, noSubdir: true, safeRestore: true });
for (const { key, value } of db.getRange()) {
  const at = value.data.indexOf('\r\n\r\n') + 4;
  let body = value.data.subarray(at).toString('latin1');
  while (body.endsWith('\r\n\r\n')) body = body.slice(0, -2);
  const row = {
    id: key,
    reverse_path: value.from,
    forward_paths: value.to,
    size: value.data.length,
    body_sha256: createHash('sha256').update(Buffer.from(body, 'latin1')).digest('base64'),
    state: 'queued',
  };
  console.log(JSON.stringify(row));
}
