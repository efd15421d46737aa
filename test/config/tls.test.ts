import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { TEST_CERTIFICATE as CERTIFICATE, TEST_KEY as PRIVATE_KEY } from '../support/certificate.ts';
import { configFolder, load, problemsOf } from './folder.ts';

const PAIR = { 'cert.pem': CERTIFICATE, 'key.pem': PRIVATE_KEY };
const WITH_TLS = 'tls: { cert: cert.pem, key: key.pem }\n';

test('certificate: once it is set, 587 and 465 are listened at on every address', (t) => {
  const folder = configFolder(t, { ...PAIR, 'postilion.yaml': WITH_TLS });
  const config = load(folder);
  assert.deepEqual(config.listeners, [
    { address: { host: '127.0.0.1', port: 2525 }, tls: 'none' },
    { address: { host: '::', port: 587 }, tls: 'starttls' },
    { address: { host: '::', port: 465 }, tls: 'implicit' },
  ]);
  assert.deepEqual(
    [config.tls.cert, config.tls.key],
    [join(folder.configDir, 'cert.pem'), join(folder.configDir, 'key.pem')],
  );
});

test('certificate: listeners of the file are taken as they are, and without one nothing is offered', (t) => {
  const listeners = 'listeners: [{ address: "[::1]:0" }, { address: "*:0", tls: none }]\n';
  const tlsOf = (text: string, files = {}): string[] =>
    load(configFolder(t, { ...files, 'postilion.yaml': text })).listeners.map(({ tls }) => tls);
  assert.deepEqual(tlsOf(listeners), ['none', 'none']);
  assert.deepEqual(tlsOf(WITH_TLS + listeners, PAIR), ['starttls', 'none']);
});

test('certificate: a missing file, the wrong file and the wrong key are told', (t) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const found = (files: Record<string, string>): string[] =>
    problemsOf(configFolder(t, { 'postilion.yaml': WITH_TLS, ...files })).map((line) => line.replace(/^.*?: /, ''));
  assert.deepEqual(found({ 'cert.pem': CERTIFICATE }), ["tls.key: 'key.pem' cannot be read: it is not there"]);
  assert.deepEqual(found({ ...PAIR, 'key.pem': CERTIFICATE }), [
    "tls.key: 'key.pem' holds no private key without a password",
  ]);
  assert.deepEqual(found({ ...PAIR, 'cert.pem': PRIVATE_KEY }), ["tls.cert: 'cert.pem' holds no certificate"]);
  assert.deepEqual(found({ ...PAIR, 'key.pem': other }), [
    "tls.key: 'key.pem' is not the key of the certificate in tls.cert",
  ]);
});

test('certificate: a listener cannot have TLS from the first octet without one, nor two the same address', (t) => {
  const text = 'listeners: [{ address: "*:465", tls: implicit }, { address: "*:465" }]';
  assert.deepEqual(problemsOf(configFolder(t, { 'postilion.yaml': text })), [
    'postilion.yaml:1:38: listeners[0].tls: implicit needs tls.cert and tls.key',
    "postilion.yaml:1:61: listeners[1].address: '*:465' is already listeners[0].address",
  ]);
});
