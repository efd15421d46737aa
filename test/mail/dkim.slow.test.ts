// The judges of our signatures are dkimpy and OpenDKIM, not ourselves.
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Algorithm,
  type Canonicalization,
  headerFields,
  prepareSignature,
  signedHeader,
} from '../../src/mail/dkim.ts';
import { signInput } from '../../src/egress/sign-input.ts';
import { RelaxedBodyHash } from '../../src/mail/relaxed-body.ts';
import { BodyHash } from '../../src/submission/body-hash.ts';
import { awkwardMail, plainHeader } from '../support/awkward-mail.ts';
import { JUDGES, opendkimDiffers } from '../support/dkim-judges.ts';

const JUDGES_HERE = JUDGES.filter(({ away }) => away === false);
const skip = JUDGES_HERE.length > 0 ? false : 'neither python3-dkim nor opendkim-tools is installed';

/** By every judge that is here; they must agree. */
function verify(messages: readonly Buffer[]): boolean[][] {
  const [first = [], ...others] = JUDGES_HERE.map((judge) => judge.verdicts(messages, KEYS));
  for (const other of others) assert.deepEqual(other, first);
  return first;
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed = generateKeyPairSync('ed25519');
const KEYS = {
  'r._domainkey.example.org.': `v=DKIM1; k=rsa; p=${rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`,
  'e._domainkey.example.org.': `v=DKIM1; k=ed25519; p=${ed.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64')}`,
};

function hashOf(body: Buffer, canonicalization: Canonicalization): string {
  const hash = canonicalization === 'relaxed/simple' ? new BodyHash() : new RelaxedBodyHash();
  hash.update(body);
  return hash.digest();
}

function signed(message: Buffer, algorithm: Algorithm, canonicalization: Canonicalization): Buffer {
  const end = message.indexOf('\r\n\r\n');
  const section = message.subarray(0, end < 0 ? message.length : end).toString('latin1');
  const body = end < 0 ? Buffer.alloc(0) : message.subarray(end + 4);
  const prepared = prepareSignature(signedHeader(headerFields(section)), {
    domain: 'example.org',
    selector: algorithm === 'rsa-sha256' ? 'r' : 'e',
    algorithm,
    canonicalization,
    bodyHash: hashOf(body, canonicalization),
    signedAt: Math.floor(Date.UTC(2026, 10, 1) / 1000),
  });
  const key: KeyObject = algorithm === 'rsa-sha256' ? rsa.privateKey : ed.privateKey;
  return Buffer.concat([Buffer.from(prepared.field(signInput(key, prepared.input)), 'latin1'), message]);
}

const HEADER = plainHeader();
const CASES = awkwardMail();
const FORMS: readonly [Algorithm, Canonicalization][] = [
  ['rsa-sha256', 'relaxed/relaxed'],
  ['rsa-sha256', 'relaxed/simple'],
  ['ed25519-sha256', 'relaxed/relaxed'],
  ['ed25519-sha256', 'relaxed/simple'],
];

test('dkim: dkimpy and OpenDKIM accept every signature over every awkward message', { skip }, () => {
  const names: (readonly [title: string, ...form: (typeof FORMS)[number]])[] = [];
  const messages: Buffer[] = [];
  for (const [name, message] of Object.entries(CASES)) {
    for (const [algorithm, canonicalization] of FORMS) {
      names.push([name, algorithm, canonicalization]);
      messages.push(signed(message, algorithm, canonicalization));
    }
  }
  for (const judge of JUDGES_HERE) {
    judge.verdicts(messages, KEYS).forEach((verdicts, at) => {
      const [title = '', algorithm, canonicalization = ''] = names[at] ?? [];
      if (judge.name === 'OpenDKIM' && opendkimDiffers(title, canonicalization)) return;
      assert.deepEqual(verdicts, [true], `${judge.name}: ${title}, ${algorithm}, ${canonicalization}`);
    });
  }
});

test('dkim: a second Subject, From or Content-Type added afterwards breaks the signature', { skip }, () => {
  const additions = ['Subject: other\r\n', 'From: evil <e@example.net>\r\n', 'Content-Type: text/html\r\n'];
  const messages = additions.flatMap((addition) =>
    FORMS.map(([algorithm, canonicalization]) => {
      const message = signed(CASES['plain'] as Buffer, algorithm, canonicalization);
      return Buffer.concat([Buffer.from(addition), message]);
    }),
  );
  for (const verdicts of verify(messages)) assert.deepEqual(verdicts, [false]);
});

/** Fields and bodies of what canonical forms are about; `h` and `x` keep a field from being folded away. */
const HEADER_PIECES = [
  'w',
  ' ',
  '\t',
  '  ',
  '\r\n ',
  '\r\n\t',
  '\u00e9',
  '\u00a0',
  '\u000b',
  '\u000c',
  ';',
  ':',
  '=',
] as const;
const BODY_PIECES = [
  'a',
  ' ',
  '\t',
  '\r\n',
  '\u00a0',
  '\u000b',
  '\u000c',
  '.',
  'word',
  '=3D',
  '\u00e9',
  '\u0000',
] as const;
const NAMES = [
  'Cc',
  'subject',
  'REPLY-TO',
  'Content-Type',
  'Content-Other',
  'List-Id',
  'X-Unsigned',
  'To',
  'Sender',
] as const;

const generated = fc.record({
  fields: fc.array(
    fc.record({
      name: fc.constantFrom(...NAMES),
      value: fc.array(fc.constantFrom(...HEADER_PIECES), { maxLength: 8 }),
    }),
    { maxLength: 6 },
  ),
  body: fc.array(fc.constantFrom(...BODY_PIECES), { maxLength: 20 }),
  form: fc.constantFrom(...FORMS),
});

test('dkim: dkimpy and OpenDKIM accept signatures over generated messages', { skip }, () => {
  const samples = fc.sample(generated, { numRuns: 500, seed: 20261124 });
  const messages = samples.map(({ fields, body, form }) => {
    const more = fields.map(({ name, value }) => `${name}:${value.join('')}\r\n`).join('');
    return signed(Buffer.from(`${HEADER}${more}\r\n${body.join('')}\r\n`, 'latin1'), ...form);
  });
  verify(messages).forEach((verdicts, at) => {
    assert.deepEqual(verdicts, [true], JSON.stringify(samples[at]));
  });
});
