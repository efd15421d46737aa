// postilion domain add: keys for a domain, kept in the spool, and what to publish in DNS.
import { EXIT, OperatorError } from '../base/errors.ts';
import { changeDomains } from '../config/domains.ts';
import { NAME } from '../config/setting.ts';
import { readSigningKeys } from '../config/signing-keys.ts';
import { type Command, given, optionText } from './command.ts';
import { domainRecords, recordsJson, zoneText } from './dns-records.ts';
import { takeOverDomains } from './domains-effect.ts';
import { getConfig } from './folders.ts';
import { domainArgument, freeSelectors, makeKeys, removeKeys } from './signing-domain.ts';
import { effectText } from './users-effect.ts';

export const domainAdd: Command = {
  words: ['domain', 'add'],
  summary: 'Make the keys that sign the mail of a domain, and print what to publish in DNS',
  details:
    'Keys and their selectors are kept in spool/keys; nothing need be written in sending.yaml. A running relay signs with them at once, so publish soon. Mail whose From is below the domain is signed too, unless that has keys of its own.',
  args: [{ name: 'name', doc: 'the domain of the From header, such as example.com' }],
  options: [
    { flags: '--selector <name>', doc: 'name of the key in DNS; else made of the date' },
    { flags: '--ed25519', doc: 'an Ed25519 key as well as the RSA key' },
    { flags: '--operator', doc: 'this domain signs every message, besides its own' },
    { flags: '--tenant <name>', doc: 'only mail of this tenant may come from the domain' },
  ],
  examples: [
    ['postilion domain add example.com', 'prints the lines of a zone file'],
    ['postilion domain add example.com --json', 'the same for programs'],
    ['postilion domain add relay.example --operator', 'signs also for domains that have no key'],
  ],
  async run(call) {
    const { terminal, clock } = call.deps;
    const name = domainArgument(given(call, 'name'));
    const wish = optionText(call, 'selector');
    if (wish !== undefined && !NAME.test(wish)) throw new OperatorError(`'${wish}' cannot be a selector`, EXIT.usage);
    const config = await getConfig(call);
    const { spool } = config.folders;
    if (config.domains[name] !== undefined) {
      throw new OperatorError(`${name} is there already: postilion domain show ${name}`, EXIT.no);
    }
    const tenant = optionText(call, 'tenant');
    if (tenant !== undefined && config.tenants[tenant] === undefined) {
      throw new OperatorError(`there is no tenant ${tenant} in sending.yaml`, EXIT.usage);
    }
    const names = freeSelectors(
      {},
      call.options['ed25519'] === true ? ['rsa-sha256', 'ed25519-sha256'] : ['rsa-sha256'],
      clock.now(),
      wish,
    );
    const selectors = makeKeys(spool, name, names, 'active');
    try {
      changeDomains(spool, (kept) => {
        if (Object.hasOwn(kept.domains, name)) throw new OperatorError(`${name} is there already`, EXIT.no);
        return {
          ...kept,
          ...(call.options['operator'] === true ? { operator: name } : {}),
          domains: { ...kept.domains, [name]: { ...(tenant === undefined ? {} : { tenant }), selectors } },
        };
      });
    } catch (error) {
      removeKeys(spool, selectors, {});
      throw error;
    }
    const after = await getConfig(call);
    const { keys } = readSigningKeys({ [name]: after.domains[name] ?? { selectors: {} } });
    const records = domainRecords(after, name, keys);
    const isInForce = await takeOverDomains(after.folders, terminal);
    if (call.json) {
      const made = keys.map(({ selector, algorithm, state }) => ({ selector, algorithm, state }));
      const result = { name, operator: after.dkim.operator === name, in_force: isInForce, selectors: made };
      await terminal.out(`${JSON.stringify({ ...result, records: recordsJson(records) })}\n`);
    } else {
      // The records alone on the output, so that they can go into a zone file.
      await terminal.out(zoneText(records));
      await terminal.note(`${name}: added; ${effectText(isInForce)}. Publish these records now.\n`);
    }
    return EXIT.ok;
  },
};
