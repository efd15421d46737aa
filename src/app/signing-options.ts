// Who signs what is accepted, from the configuration. Names of keys only: submission never reads a private key.
import type { Config } from '../config/config.ts';
import { keyName, type SigningDomain } from '../mail/signing-table.ts';
import type { SigningOptions } from '../submission/options.ts';

export function signingOptionsOf({ domains, dkim }: Pick<Config, 'domains' | 'dkim'>): SigningOptions {
  const table = Object.entries(domains).map(([domain, { tenant, selectors }]): [string, SigningDomain] => {
    const active = Object.entries(selectors).filter(([, { state }]) => state === 'active');
    return [
      domain,
      {
        selectors: active.map(([selector]) => keyName({ domain, selector })),
        ...(tenant === undefined ? {} : { tenant }),
      },
    ];
  });
  return {
    table: {
      domains: Object.fromEntries(table),
      ...(dkim.operator === undefined ? {} : { operator: dkim.operator }),
    },
    isRelaxed: dkim.canonicalization === 'relaxed/relaxed',
    ...(dkim.validityMs === undefined ? {} : { validityMs: dkim.validityMs }),
    required: dkim.required,
  };
}
