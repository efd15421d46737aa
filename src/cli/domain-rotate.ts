// postilion domain rotate: new keys for a domain, in two steps, so that no mail is signed with a key nobody can look up.
import { EXIT, OperatorError } from '../base/errors.ts';
import { changeDomains } from '../config/domains.ts';
import type { KeptDomains } from '../config/schema-dkim.ts';
import { NAME } from '../config/setting.ts';
import { signingKeysOf } from '../config/signing-keys.ts';
import { type Command, given, optionText } from './command.ts';
import { keyRecords, recordsJson, zoneText } from './dns-records.ts';
import { takeOverDomains } from './domains-effect.ts';
import { getConfig } from './folders.ts';
import {
  type Algorithm,
  domainArgument,
  freeSelectors,
  getKept,
  makeKeys,
  neededUntil,
  promoted,
  removeKeys,
  type Selectors,
  withoutUnneeded,
} from './signing-domain.ts';
import { effectText } from './users-effect.ts';

export const domainRotate: Command = {
  words: ['domain', 'rotate'],
  summary: 'Give a domain new keys',
  details:
    'Called once it makes the keys and prints their records; called again, once those are published, it signs with them. Mail that was accepted before goes on being signed with the old keys; they are removed by a later rotation when no mail can need them.',
  args: [{ name: 'name', doc: 'as in `postilion domain list`' }],
  options: [
    { flags: '--selector <name>', doc: 'name of the new key in DNS; else made of the date' },
    { flags: '--ed25519', doc: 'from now on an Ed25519 key too' },
    { flags: '--now', doc: 'both steps at once: receivers cannot verify until the records are published' },
  ],
  examples: [
    ['postilion domain rotate example.com', 'makes new keys, prints what to publish'],
    ['postilion domain rotate example.com', 'again, a day later: signs with them'],
  ],
  async run(call) {
    const { terminal, clock } = call.deps;
    const name = domainArgument(given(call, 'name'));
    const wish = optionText(call, 'selector');
    if (wish !== undefined && !NAME.test(wish)) throw new OperatorError(`'${wish}' cannot be a selector`, EXIT.usage);
    const config = await getConfig(call);
    const { spool } = config.folders;
    const now = clock.now();
    const before = getKept(config, name).domain.selectors;
    const states = new Set(Object.values(before).map(({ state }) => state));
    const isSecond = states.has('next');
    let selectors = withoutUnneeded(config, before, now);
    let made: Selectors = {};
    if (!isSecond) {
      const algorithms = algorithmsOf(before, call.options['ed25519'] === true);
      made = makeKeys(spool, name, freeSelectors(before, algorithms, now, wish), 'next');
      selectors = { ...selectors, ...made };
    }
    if (isSecond || call.options['now'] === true) selectors = promoted(selectors, now);
    try {
      changeDomains(spool, (kept) => changed(kept, name, before, selectors));
    } catch (error) {
      removeKeys(spool, made, {});
      throw error;
    }
    const after = await getConfig(call);
    const isInForce = await takeOverDomains(after.folders, terminal);
    removeKeys(spool, before, selectors);
    const keys = signingKeysOf(after).filter(({ domain }) => domain === name);
    const untils = Object.values(selectors).flatMap((setting) => neededUntil(after, setting) ?? []);
    const until = untils.length === 0 ? undefined : Math.max(...untils);
    const isActive = isSecond || call.options['now'] === true;
    const records = keyRecords(keys);
    if (call.json) {
      const result = {
        name,
        step: isActive ? 'active' : 'next',
        in_force: isInForce,
        selectors: keys.map(({ selector, algorithm, state }) => ({ selector, algorithm, state })),
        records: recordsJson(records),
      };
      await terminal.out(`${JSON.stringify(result)}\n`);
    } else {
      await terminal.out(zoneText(records));
      const old =
        until === undefined || until === Infinity
          ? ''
          : ` Leave the old record until ${new Date(until).toISOString()}.`;
      await terminal.note(
        isActive
          ? `${name}: signed with the new keys; ${effectText(isInForce)}.${old}\n`
          : `${name}: new keys are made and not used yet. Publish their records, wait until they can be seen, and run this again.\n`,
      );
    }
    return EXIT.ok;
  },
};

function algorithmsOf(selectors: Selectors, ed25519: boolean): readonly Algorithm[] {
  const active = Object.values(selectors).flatMap(({ state, algorithm }) =>
    state === 'active' && algorithm !== undefined ? [algorithm] : [],
  );
  const all = new Set<Algorithm>(['rsa-sha256', ...active, ...(ed25519 ? ['ed25519-sha256' as const] : [])]);
  return [...all];
}

function changed(kept: KeptDomains, name: string, before: Selectors, after: Selectors): KeptDomains {
  const domain = kept.domains[name];
  if (domain === undefined || JSON.stringify(domain.selectors) !== JSON.stringify(before)) {
    throw new OperatorError(`${name} was changed meanwhile; try again`, EXIT.tryAgain);
  }
  return { ...kept, domains: { ...kept.domains, [name]: { ...domain, selectors: after } } };
}
