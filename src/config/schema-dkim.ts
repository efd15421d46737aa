// config/sending.yaml, signatures: whose domains mail is signed for, with which keys, and how (RFC 6376, RFC 8463).
// The same `domains` stand in spool/keys/domains.yaml, which `postilion domain` writes.
import { choice, domainName, duration, flag, keyFile, reference, text } from './kinds.ts';
import { DOMAIN_NAME, group, type Infer, map } from './setting.ts';

const selector = group('One key.', {
  key: keyFile(
    'Private key in PEM without a password: RSA, or Ed25519. A path, relative to spool/keys; nobody but its owner and group may read it. Or ${file:%d/NAME}.',
    { example: 'mail._domainkey.example.com.pem' },
  ),
  algorithm: choice('What the key must be.', ['rsa-sha256', 'ed25519-sha256'], {
    optional: 'what the key is',
    example: 'rsa-sha256',
  }),
  state: choice(
    'active: signs new mail. next: made, not used yet; publish its record first. retired: signs only mail that was accepted while it was active.',
    ['active', 'next', 'retired'],
    { default: 'active' },
  ),
  retiredAt: text(
    'When it was retired. Written by `postilion domain`.',
    { optional: 'not known', example: '2026-11-24T05:30:00Z' },
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
    'an instant such as 2026-11-24T05:30:00Z',
  ),
});

const domain = group('One domain.', {
  tenant: reference(
    'Only mail of this tenant may have it in its From or its reverse-path. Beyond: 550 5.7.1.',
    'tenants',
    { optional: 'any', example: 'default' },
  ),
  selectors: map('Its keys, by selector. At most one of RSA and one of Ed25519 may be active.', selector, {
    entry: 'mail',
  }),
});

export const domains = map(
  'Domains that mail is signed for: that of the From header, or the closest above it that is here. `postilion domain add` makes keys and keeps them in spool/keys/domains.yaml, so that nothing need be written here.',
  domain,
  { entry: 'example.com', name: DOMAIN_NAME },
);

export const dkim = group('How mail is signed (DKIM).', {
  canonicalization: choice('Canonical form of header and body.', ['relaxed/relaxed', 'relaxed/simple'], {
    default: 'relaxed/relaxed',
  }),
  validityMs: duration('A signature is good for so long after the message was accepted (x=).', {
    optional: 'for ever',
    example: '14d',
    min: '7d',
  }),
  operator: domainName('This domain of yours signs every message too, also those of domains without a key.', {
    optional: 'the one of `postilion domain add --operator`',
    example: 'example.com',
  }),
  required: flag(
    'Whether a message whose From domain has no key is refused (550 5.7.1). A user or a stream may say otherwise.',
    { default: false },
  ),
});

/** spool/keys/domains.yaml. */
export const keptDomains = group('Domains and selectors of `postilion domain`.', {
  operator: domainName('The domain that signs every message.', { optional: 'none', example: 'example.com' }),
  domains,
});

export type DomainSetting = Infer<typeof domain>;
export type SelectorSetting = Infer<typeof selector>;
export type KeptDomains = Infer<typeof keptDomains>;
export type Domains = KeptDomains['domains'];
