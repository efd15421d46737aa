// postilion domain list: which domains mail is signed for, with which keys.
import { EXIT } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { type SigningKey, signingKeysOf } from '../config/signing-keys.ts';
import type { Command } from './command.ts';
import { getConfig } from './folders.ts';
import { neededUntil } from './signing-domain.ts';
import { tableText } from './table.ts';

export const domainList: Command = {
  words: ['domain', 'list'],
  summary: 'List the domains that mail is signed for, and their keys',
  examples: [['postilion domain list', 'with until when a retired key is needed']],
  async run(call) {
    const config = await getConfig(call);
    const keys = signingKeysOf(config);
    const { terminal } = call.deps;
    if (call.json) {
      const domains = Object.entries(config.domains).map(([name, { tenant }]) => ({
        name,
        operator: config.dkim.operator === name,
        ...(tenant === undefined ? {} : { tenant }),
        selectors: keys
          .filter(({ domain }) => domain === name)
          .map((key) => ({
            selector: key.selector,
            algorithm: key.algorithm,
            state: key.state,
            ...(key.state === 'retired' ? { needed_until: untilText(config, key) } : {}),
          })),
      }));
      await terminal.out(`${JSON.stringify(domains)}\n`);
    } else await terminal.out(tableText(columnsOf(config), keys, terminal.outColumns));
    return EXIT.ok;
  },
};

const columnsOf = (config: Config) => [
  { title: 'domain', of: (key: SigningKey) => key.domain },
  { title: 'selector', of: (key: SigningKey) => key.selector },
  { title: 'algorithm', of: (key: SigningKey) => key.algorithm },
  { title: 'state', of: (key: SigningKey) => key.state },
  { title: 'tenant', of: (key: SigningKey) => config.domains[key.domain]?.tenant ?? 'any' },
  { title: 'signs', of: (key: SigningKey) => (config.dkim.operator === key.domain ? 'all mail' : 'its own') },
  { title: 'needed until', of: (key: SigningKey) => untilText(config, key) },
];

function untilText(config: Config, { domain, selector }: SigningKey): string {
  const setting = config.domains[domain]?.selectors[selector];
  const until = setting === undefined ? undefined : neededUntil(config, setting);
  if (until === undefined) return '';
  return until === Infinity ? 'not known' : new Date(until).toISOString();
}
