// One DKIM signature: RFC 6376 section 3.3 (PKCS #1 v1.5 over SHA-256), or RFC 8463 section 3 (Ed25519 over the SHA-256).
import { hash, type KeyObject, sign } from 'node:crypto';

/** `text`: latin1. Base64. */
export function signInput(key: KeyObject, text: string): string {
  const input = Buffer.from(text, 'latin1');
  const signature =
    key.asymmetricKeyType === 'ed25519' ? sign(null, hash('sha256', input, 'buffer'), key) : sign('sha256', input, key);
  return signature.toString('base64');
}
