import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { readReturned } from '../../src/feedback/returned.ts';
import type { Message } from '../../src/flow/message.ts';
import { DamagedRecord, type MessageReader } from '../../src/flow/spool.ts';

const LOCATION = { segment: 's', offset: 0, length: 1 };

/** What comes back of a message with this content: whole, or its header section. */
async function backOf(content: string, more: Partial<Message> = {}, octetsMax = 10_000): Promise<unknown> {
  const whole = Buffer.from(content, 'latin1');
  const message = { id: 'm', size: whole.length, smtpUtf8: false, has8bitHeader: false, ...more } as Message;
  const stored = { message, whole, async *content() {} };
  const reader: MessageReader = { read: async () => stored, close: async () => {} };
  const back = await readReturned(reader, { location: LOCATION, messageId: 'm', isWholeAsked: true, octetsMax });
  return back.full === undefined ? { header: back.header?.toString('latin1') } : { full: back.full.length };
}

test('returned: whole only as it is, where no server on the way could need it changed', async () => {
  const content = 'A: 1\r\nB: 2\r\n\r\nbody\r\n';
  const header = { header: 'A: 1\r\nB: 2\r\n' };
  deepEqual(await backOf(content), { full: content.length });
  deepEqual(await backOf(content, {}, content.length - 1), header, 'too large');
  deepEqual(await backOf(content, { size: 1_000_000 }), header, 'only its first chunk is here');
  deepEqual(await backOf(content, { smtpUtf8: true, has8bitHeader: true }), header, 'it needs SMTPUTF8');
  deepEqual(await backOf(`A: 1\r\nB: 2\r\n\r\n${'x'.repeat(999)}\r\n`), header, 'a line that is too long');
  deepEqual(await backOf(content, { id: 'other' as Message['id'] }), { header: undefined }, 'another record');
});

test('returned: a header is cut at a line, and there may be none', async () => {
  deepEqual(await backOf(`A: 1\r\nB: ${'x'.repeat(100)}\r\n\r\nbody\r\n`, { size: 1e6 }, 50), { header: 'A: 1\r\n' });
  deepEqual(await backOf(`${'x'.repeat(100)}`, { size: 1e6 }, 50), { header: '' });
  deepEqual(await backOf('\r\nbody\r\n', { size: 1e6 }), { header: '' });
  const gone: MessageReader = { read: () => Promise.reject(new DamagedRecord('gone')), close: async () => {} };
  const wanted = { location: LOCATION, messageId: 'm', isWholeAsked: false, octetsMax: 50 };
  deepEqual(await readReturned(gone, wanted), {});
});
