// What tests say to submission again and again, and how they look at what it kept.
import { equal, match } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { LineClient } from '../support/line-client.ts';
import type { Kept, Rig } from './rig.ts';

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** A transaction up to its 354. */
export async function begin(client: LineClient): Promise<void> {
  client.send('MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n');
  for (const wanted of [/^250 /, /^250 /, /^354 /]) match(await client.reply(), wanted);
}

/** The reply to a content sent by a client of its own; `stuffed` brings its end. */
export async function submit(rig: Rig, stuffed: string): Promise<string> {
  const client = await rig.sender();
  await begin(client);
  client.send(stuffed);
  return client.reply();
}

/** The relay still takes mail. */
export async function works(rig: Rig): Promise<void> {
  match(await submit(rig, 'A: 1\r\n\r\nb\r\n.\r\n'), /^250 2\.6\.0 /);
}

/** The content without the fields we put in front. */
export function theirs({ content }: Kept): string {
  return content
    .toString('latin1')
    .replace(/^Received: .*\r\n(?:\t.*\r\n)+/, '')
    .replace(/^Date: .*\r\n/, '')
    .replace(/^Message-ID: <[0-9a-z]{26}@relay\.test>\r\n/, '');
}

const sha256 = (octets: Buffer) => createHash('sha256').update(octets);

/** Size and hashes of the record are those of the content, worked out anew. */
export function checkSums({ message, content }: Kept): void {
  const text = content.toString('latin1');
  equal(message.size, content.length);
  equal(message.sha256, sha256(content).digest('hex'));
  const end = text.indexOf('\r\n\r\n');
  const body = end === -1 ? '' : text.slice(end + 4);
  equal(message.bodySha256, sha256(Buffer.from(`${body.replace(/(?:\r\n)+$/, '')}\r\n`, 'latin1')).digest('base64'));
}
