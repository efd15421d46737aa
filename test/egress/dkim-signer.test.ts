import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../../src/base/log.ts';
import { createDkimSigner, type DkimSigner, type SigningKey } from '../../src/egress/dkim-signer.ts';
import { NoSigningKey } from '../../src/egress/payload.ts';
import type { Message } from '../../src/flow/message.ts';
import { headerFields, prepareSignature, signedHeader } from '../../src/mail/dkim.ts';
import { keyName } from '../../src/mail/signing-table.ts';
import { messageOf, startStage } from './stage.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const ed = generateKeyPairSync('ed25519');
const key = (selector: string, domain = 'example.org', pair: typeof rsa | typeof ed = rsa): SigningKey => ({
  domain,
  selector,
  algorithm: pair === rsa ? 'rsa-sha256' : 'ed25519-sha256',
  pem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
});
const CONTENT = Buffer.from('From: a@example.org\r\nSubject: s\r\n\r\nbody\r\n');
const NAMED = { acceptedAt: 1_700_000_000_000, bodySha256: 'aGFzaA==' };
const message = (keys: readonly (SigningKey | string)[], more: Partial<Message> = {}): Message => {
  const selectors = keys.map((one) => (typeof one === 'string' ? one : keyName(one)));
  return messageOf('m', CONTENT, { ...NAMED, selectors, ...more });
};

function signerWith(t: TestContext, keys: readonly SigningKey[]): { signer: DkimSigner; missing: string[] } {
  const missing: string[] = [];
  const signer = createDkimSigner(keys, { log: silentLog, missing: (domain) => void missing.push(domain) });
  t.after(() => signer.close());
  return { signer, missing };
}

async function textOf(signer: DkimSigner, one: Message): Promise<string> {
  return Buffer.from(await signer.sign(one, CONTENT)).toString('latin1');
}

test('dkim signer: signs with the keys that acceptance named, and only those', async (t) => {
  const { signer, missing } = signerWith(t, [key('a'), key('b')]);
  const text = await textOf(signer, message([key('b')]));
  assert.deepEqual(
    headerFields(text).map((field) => field.name),
    ['DKIM-Signature'],
  );
  assert.match(text, /c=relaxed\/simple;\r\n d=example\.org; s=b; t=1700000000;\r\n/);
  const signature = Buffer.from(text.slice(text.indexOf(' b=') + 3).replace(/[\r\n ]/g, ''), 'base64');
  const { input } = prepareSignature(signedHeader(headerFields('From: a@example.org\r\nSubject: s')), {
    ...key('b'),
    canonicalization: 'relaxed/simple',
    bodyHash: 'aGFzaA==',
    signedAt: 1_700_000_000,
  });
  assert.ok(verify('sha256', Buffer.from(input, 'latin1'), rsa.publicKey, signature));
  assert.deepEqual(missing, []);
  assert.equal((await signer.sign(messageOf('m', CONTENT), CONTENT)).length, 0);
});

test('dkim signer: the form of the body and the validity are those of acceptance', async (t) => {
  const { signer } = signerWith(t, [key('a')]);
  const text = await textOf(
    signer,
    message([key('a')], { bodyRelaxedSha256: 'cmVsYXhlZA==', signatureMs: 86_400_500 }),
  );
  assert.match(text, /c=relaxed\/relaxed;\r\n d=example\.org; s=a; t=1700000000; x=1700086400;\r\n/);
  assert.match(text, /bh=cmVsYXhlZA==;/);
});

test('dkim signer: up to four signatures, in the order that acceptance named', async (t) => {
  const keys = [key('r'), key('e', 'example.org', ed), key('r', 'op.example'), key('e', 'op.example', ed)];
  const { signer } = signerWith(t, [...keys].reverse());
  const text = await textOf(signer, message(keys));
  assert.deepEqual(
    [...text.matchAll(/a=(\S+);[^]*?d=(\S+);/g)].map(([, algorithm, domain]) => [algorithm, domain]),
    keys.map(({ algorithm, domain }) => [algorithm, domain]),
  );
});

test('dkim signer: the same message signed again has the same octets, also after a restart and a rotation', async (t) => {
  const named = message([key('a'), key('e', 'example.org', ed)], { signatureMs: 864_000_000 });
  const old = [key('a'), key('e', 'example.org', ed)];
  const once = await textOf(signerWith(t, old).signer, named);
  const { signer } = signerWith(t, [key('new'), ...old]);
  assert.equal(await textOf(signer, named), once);
  signer.reload([...old].reverse());
  assert.equal(await textOf(signer, named), once);
});

test('dkim signer: without any key of the From domain a message waits, and each domain is told once', async (t) => {
  const { signer, missing } = signerWith(t, [key('r', 'op.example')]);
  const lost = message([key('gone'), key('gone2'), key('r', 'op.example')]);
  for (let times = 0; times < 3; times++) await assert.rejects(signer.sign(lost, CONTENT), NoSigningKey);
  assert.deepEqual(missing, ['example.org']);
  await assert.rejects(signer.sign(message([key('gone', 'other.example')]), CONTENT), /no key of other\.example/);
  assert.deepEqual(missing, ['example.org', 'other.example']);
  signer.reload([key('gone')]);
  assert.equal((await textOf(signer, lost)).match(/DKIM-Signature/g)?.length, 1, 'the one that is here');
  assert.deepEqual(missing, ['example.org', 'other.example', 'example.org', 'op.example']);
});

test('dkim signer: what egress reports of a message without its key is deferred, and nothing was sent', async (t) => {
  const { signer } = signerWith(t, []);
  const stage = startStage({}, { sign: signer.sign });
  const attempt = stage.attempt('m', CONTENT, { selectors: [keyName(key('gone'))] });
  stage.egress.commands.open({
    session: 's',
    lane: 'lane',
    source: { name: 'default', ehlo: 'relay.test' },
    relay: {
      kind: 'relay',
      site: 'x',
      hosts: [{ name: '127.0.0.1', port: 9 }],
      tls: { level: 'none' },
      explicit: true,
    },
  });
  stage.egress.commands.deliver('s', attempt);
  await stage.until(() => stage.reports.length > 0 || stage.closed.length > 0);
  await stage.egress.stop();
  assert.deepEqual(
    stage.reports.map(({ results, mayHaveBeenDelivered }) => ({ results, mayHaveBeenDelivered })),
    [
      {
        results: [
          {
            index: 0,
            decidedAt: 'mail',
            error: { kind: 'no-key', text: 'no key of example.org that it was accepted with' },
          },
        ],
        mayHaveBeenDelivered: false,
      },
    ],
  );
});
