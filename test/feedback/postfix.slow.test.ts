// Reports by the real program to a real Postfix at its strictest about MIME: it takes them, delivers them, and whoever
// opens the mailbox reads what the relay meant to say.
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { simpleParser } from 'mailparser';
import { lacking, receiver, RECEIVERS, until } from '../support/mail-server.ts';
import { readReport } from '../support/read-report.ts';
import { freePort, Relay } from '../support/relay.ts';

const STRICT = [
  'strict_mime_encoding_domain = yes',
  'strict_8bitmime_body = yes',
  'smtputf8_enable = yes',
  'smtpd_recipient_restrictions = check_recipient_access inline:{ { later@postfix.test = 450 4.2.2 Mailbox is full } }',
].join('\n');

/** What is sent: to whom, with which words at MAIL and RCPT, with which content, in which order. */
const SENT = {
  plain: { path: 'plain@postfix.test', mail: 'RET=HDRS ENVID=batch+2B7', to: 'x@else.test', rcpt: 'NOTIFY=FAILURE' },
  latin1: {
    path: 'latin1@postfix.test',
    mail: 'BODY=8BITMIME',
    to: 'y@else.test',
    rcpt: 'ORCPT=rfc822;o+2By@else.test',
  },
  whole: { path: 'whole@postfix.test', mail: 'BODY=8BITMIME RET=FULL', to: 'z@else.test', rcpt: '' },
  utf8: { path: 'j\u00f6@postfix.test', mail: 'BODY=8BITMIME SMTPUTF8', to: '\u00e9l\u00e8ve@else.test', rcpt: '' },
  later: { path: 'waits@postfix.test', mail: '', to: 'later@postfix.test', rcpt: 'NOTIFY=DELAY,FAILURE' },
} as const;
const TYPES = {
  plain: ['text/plain', 'message/delivery-status', 'text/rfc822-headers'],
  latin1: ['text/plain', 'message/delivery-status', 'text/rfc822-headers'],
  whole: ['text/plain', 'message/delivery-status', 'message/rfc822', 'text/plain'],
  // Python takes every message/… for a message that has a part inside.
  utf8: ['text/plain', 'message/global-delivery-status', 'message/global-headers', 'text/plain'],
  later: ['text/plain', 'message/delivery-status', 'text/rfc822-headers'],
} as const;

test('reports: Postfix takes every kind of report, and mailparser and Python read it in the mailbox', {
  skip: lacking(RECEIVERS.postfix),
}, async (t) => {
  const { port, stored } = await receiver(t, 'postfix', { POSTFIX_EXTRA: STRICT });
  const input = await freePort();
  const relay = new Relay(t, {
    postilion: `hostname: relay.test\nlisteners: [{ address: "127.0.0.1:${input}", tls: none }]\ntrusted_networks: [{ network: 127.0.0.0/8, user: app }]\nprocesses: single\n`,
    sending: `routes: [{ domains: '*', to: "127.0.0.1:${port}", tls: none }]\nstreams: { default: { retry_delays: [10m] } }\ndsn: { delay_after: 1m }\nusers: { app: {} }\n`,
  });
  const running = await relay.start();
  const client = await relay.greeted(input);
  for (const [name, { path, mail, to, rcpt }] of Object.entries(SENT)) {
    const utf8 = (line: string): Promise<string> => client.command(Buffer.from(line).toString('latin1'));
    match(await utf8(`MAIL FROM:<${path}>${mail && ` ${mail}`}`), /^250/);
    match(await utf8(`RCPT TO:<${to}>${rcpt && ` ${rcpt}`}`), /^250/);
    match(await client.command('DATA'), /^354/);
    const subject = name === 'latin1' ? 'caf\u00e9' : name;
    const mime =
      'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n';
    client.send(`From: <a@postfix.test>\r\nSubject: ${subject}\r\n${mime}\r\n\u00fcber\r\n.\r\n`);
    match(await client.reply(), /^250/);
  }
  client.close();
  const wanted = Object.keys(SENT).length;
  // The moment of the one that waits is a minute.
  await until('all failures are told', () => stored().length === wanted - 1);
  await until('and the delay', () => stored().length === wanted);
  running.signal('SIGTERM');
  equal((await running.ended).code, 0);
  const byPath = new Map(stored().map((octets) => [/^X-Original-To: (.*)$/m.exec(octets.toString())?.[1], octets]));
  for (const [name, { path, to }] of Object.entries(SENT)) {
    const octets = byPath.get(path);
    if (octets === undefined) throw new Error(`no report for ${path}: ${[...byPath.keys()].join(', ')}`);
    match(octets.toString(), /^Return-Path: <>$/m);
    const read = readReport(octets);
    deepEqual(read.defects, [], name);
    deepEqual(read.types, ['multipart/report', ...TYPES[name as keyof typeof TYPES]]);
    const [whole, recipient] = read.fields;
    equal(whole?.['Reporting-MTA'], 'dns; relay.test');
    equal(recipient?.['Final-Recipient'], `${name === 'utf8' ? 'utf-8' : 'rfc822'};${to}`);
    equal(recipient?.['Action'], name === 'later' ? 'delayed' : 'failed');
    match(read.text, name === 'later' ? /450 4\.2\.2 .*Mailbox is full/ : /55[04] 5\.7\.1 .*elay access denied/);
    const mail = await simpleParser(octets, { keepDeliveryStatus: true });
    equal(mail.subject, name === 'later' ? 'Your message is delayed' : 'Your message could not be delivered');
    equal(mail.text?.includes(to), true, name);
  }
  match(byPath.get(SENT.plain.path)?.toString() ?? '', /^Original-Envelope-Id: batch\+7$/m);
  match(byPath.get(SENT.latin1.path)?.toString() ?? '', /^Original-Recipient: rfc822;o\+y@else\.test$/m);
  match(byPath.get(SENT.whole.path)?.toString('latin1') ?? '', /^\u00fcber$/m);
});
