// Why mail is not signed with the npm package `dkim-signer`: where it agrees with our signer, and the inputs on which
// dkimpy rejects what it makes. Should the second list become empty one day, the package could be looked at again.
import { deepEqual, equal } from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { RelaxedBodyHash } from '../../src/mail/relaxed-body.ts';
import { awkwardMail, plainHeader } from '../support/awkward-mail.ts';
import { JUDGES } from '../support/dkim-judges.ts';

interface Package {
  DKIMSign(
    email: Buffer,
    options: { readonly privateKey: string; readonly domainName: string; readonly keySelector: string },
  ): string;
}

const { DKIMSign } = createRequire(import.meta.url)('dkim-signer') as Package;
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const OPTIONS = {
  privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  domainName: 'example.org',
  keySelector: 's',
};
const KEYS = {
  's._domainkey.example.org.': `v=DKIM1; k=rsa; p=${publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`,
};
const dkimpy = JUDGES.find(({ name }) => name === 'dkimpy');

function bodyHashes(message: Buffer): { readonly theirs: string | undefined; readonly ours: string } {
  const hash = new RelaxedBodyHash();
  hash.update(message.subarray(message.indexOf('\r\n\r\n') + 4));
  return { theirs: /bh=([^;]*);/.exec(DKIMSign(message, OPTIONS).replace(/\s/g, ''))?.[1], ours: hash.digest() };
}

test('dkim-signer: on plain 7-bit mail its body hash is ours', () => {
  const line = fc.array(fc.constantFrom('a', 'word', ' ', '  ', '\t', '.', '=3D', '<b>'), { maxLength: 8 });
  const body = fc
    .array(line, { maxLength: 6 })
    .map((lines) => lines.map((pieces) => `${pieces.join('')}\r\n`).join(''));
  fc.assert(
    fc.property(body, (text) => {
      const { theirs, ours } = bodyHashes(Buffer.from(`${plainHeader()}\r\nx${text}`));
      equal(theirs, ours);
    }),
  );
});

test('dkim-signer: the inputs on which dkimpy rejects its signatures', { skip: dkimpy?.away ?? 'no judge' }, () => {
  const cases = Object.entries(awkwardMail());
  const messages = cases.map(([, mail]) => Buffer.concat([Buffer.from(`${DKIMSign(mail, OPTIONS)}\r\n`), mail]));
  const verdicts = dkimpy?.verdicts(messages, KEYS) ?? [];
  deepEqual(
    cases.flatMap(([name], at) => (verdicts[at]?.[0] === true ? [] : [name])),
    [
      ...['empty body', 'no body', 'only blank lines', 'only white space', 'Latin-1 body', 'UTF-8 with NBSP'],
      ...['NBSP in header', 'Latin-1 header', 'VT and FF', 'VT and FF in a header field'],
    ],
  );
  const [plain = Buffer.alloc(0)] = messages;
  const added = ['Cc: <other@example.net>\r\n', 'Content-Type: text/html\r\n'].map((field) =>
    Buffer.concat([Buffer.from(field), plain]),
  );
  deepEqual(dkimpy?.verdicts(added, KEYS), [[true], [true]], 'and what it accepts: nothing absent is signed');
});
