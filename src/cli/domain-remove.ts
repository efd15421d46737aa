// postilion domain remove: a domain's mail is not signed for it any more. Mail that waits still is.
import { EXIT } from '../base/errors.ts';
import { changeDomains } from '../config/domains.ts';
import type { KeptDomains } from '../config/schema-dkim.ts';
import { type Command, given } from './command.ts';
import { takeOverDomains } from './domains-effect.ts';
import { getConfig } from './folders.ts';
import { allRetired, domainArgument, getKept, neededUntil, removeKeys, withoutUnneeded } from './signing-domain.ts';
import { effectText } from './users-effect.ts';

export const domainRemove: Command = {
  words: ['domain', 'remove'],
  summary: 'Stop signing for a domain',
  details:
    'Its keys sign only mail that was accepted before, and are removed when this is called again after no mail can need them. With --now they are removed at once: mail that waits and was accepted with them is held until it expires.',
  args: [{ name: 'name', doc: 'as in `postilion domain list`' }],
  options: [{ flags: '--now', doc: 'remove the keys at once' }],
  examples: [['postilion domain remove example.com', 'says until when its keys are needed']],
  async run(call) {
    const { terminal, clock } = call.deps;
    const name = domainArgument(given(call, 'name'));
    const config = await getConfig(call);
    const { spool } = config.folders;
    const before = getKept(config, name).domain.selectors;
    const left =
      call.options['now'] === true ? {} : withoutUnneeded(config, allRetired(before, clock.now()), clock.now());
    const isRemoved = Object.keys(left).length === 0;
    changeDomains(spool, ({ operator, domains }): KeptDomains => {
      const { [name]: domain, ...others } = domains;
      const stays = isRemoved || domain === undefined ? others : { ...others, [name]: { ...domain, selectors: left } };
      return { ...(operator === undefined || operator === name ? {} : { operator }), domains: stays };
    });
    const isInForce = await takeOverDomains(config.folders, terminal);
    removeKeys(spool, before, left);
    const until = Math.max(...Object.values(left).map((setting) => neededUntil(config, setting) ?? 0));
    const date = Number.isFinite(until) ? new Date(until).toISOString() : undefined;
    if (call.json) {
      const result = { name, removed: isRemoved, ...(date === undefined ? {} : { needed_until: date }) };
      await terminal.out(`${JSON.stringify({ ...result, in_force: isInForce })}\n`);
    } else {
      const what = isRemoved
        ? 'removed'
        : `not signed for any more; its keys stay for mail that waits, until ${date ?? 'you remove them with --now'}`;
      await terminal.out(`${name}: ${what}; ${effectText(isInForce)}\n`);
    }
    return EXIT.ok;
  },
};
