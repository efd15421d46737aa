import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { headerFields, prepareSignature, relaxedField, signedHeader } from '../../src/mail/dkim.ts';

const TERMS = {
  domain: 'example.org',
  selector: 's',
  algorithm: 'rsa-sha256',
  canonicalization: 'relaxed/relaxed',
  bodyHash: 'aGFzaA==',
  signedAt: 1_700_000_000,
} as const;

const tag = (field: string, name: string): string | undefined =>
  new RegExp(`[ ;]${name}=([^;]*)`).exec(field.replace(/\r\n[ \t]+/g, name === 'h' ? '' : ' '))?.[1];

test('dkim: every field that a reader or a program goes by is signed, and once more than it stands there', () => {
  const section =
    'From: a\r\nSubject: s\r\nReceived: r\r\nsubject: t\r\nContent-X: y\r\nX-Own: z\r\nCONTENT-TYPE: text/plain';
  const field = prepareSignature(signedHeader(headerFields(section)), TERMS).field('c2ln');
  deepEqual(tag(field, 'h')?.split(':'), [
    ...['From', 'From', 'Sender', 'Reply-To', 'To', 'Cc', 'Subject', 'Subject', 'Subject', 'Date', 'Message-ID'],
    ...['In-Reply-To', 'References', 'MIME-Version', 'Content-Type', 'Content-Type', 'Content-Transfer-Encoding'],
    ...['Content-Disposition', 'Content-ID', 'Content-Description', 'Content-Language', 'List-Unsubscribe'],
    ...['List-Unsubscribe-Post', 'List-Id', 'Feedback-ID', 'CFBL-Address', 'Content-X', 'Content-X'],
  ]);
  equal(tag(field, 'l'), undefined, 'the length of the body is never limited');
});

test('dkim: what is signed ends with the signature itself in canonical form, however it is folded', () => {
  for (const more of ['', `Content-${'long'.repeat(20)}: x`, 'Content-A: 1\r\nContent-B: 2']) {
    const header = signedHeader(headerFields(`From: a\r\n${more}`));
    const prepared = prepareSignature(header, { ...TERMS, expiresAt: 1_800_000_000 });
    const field = prepared.field('');
    for (const line of field.split('\r\n').slice(0, -1)) equal(line.length <= 78 || line.includes('long'), true, line);
    const own = relaxedField({ name: 'DKIM-Signature', raw: field.slice(0, -2) });
    equal(prepared.input, `${header.text}${own}`);
  }
});

test('dkim: a signed field with VT or FF makes the form of the header simple, any other does not', () => {
  const formOf = (section: string): string => signedHeader(headerFields(section)).form;
  equal(formOf('From: a\r\nX-Own: \v'), 'relaxed');
  equal(formOf('From: a\r\nSubject: \u00a0\t'), 'relaxed');
  equal(formOf('From: a\r\nSubject: a\fb'), 'simple');
  const section = 'From:  a\r\nSubject: \v\r\n x';
  const { input, field } = prepareSignature(signedHeader(headerFields(section)), TERMS);
  equal(tag(field(''), 'c'), 'simple/relaxed');
  equal(input, `From:  a\r\nSubject: \v\r\n x\r\n${field('').slice(0, -2)}`);
});
