// postilion domain show: what to publish in DNS, once more.
import { EXIT, OperatorError } from '../base/errors.ts';
import { signingKeysOf } from '../config/signing-keys.ts';
import { type Command, given } from './command.ts';
import { domainRecords, recordsJson, zoneText } from './dns-records.ts';
import { getConfig } from './folders.ts';
import { domainArgument } from './signing-domain.ts';

export const domainShow: Command = {
  words: ['domain', 'show'],
  summary: 'Print what to publish in DNS for a domain',
  args: [{ name: 'name', doc: 'as in `postilion domain list`' }],
  examples: [['postilion domain show example.com', 'the lines of a zone file']],
  async run(call) {
    const name = domainArgument(given(call, 'name'));
    const config = await getConfig(call);
    if (config.domains[name] === undefined) {
      throw new OperatorError(`there is no domain ${name}: postilion domain add ${name}`, EXIT.no);
    }
    const keys = signingKeysOf(config).filter(({ domain }) => domain === name);
    const records = domainRecords(config, name, keys);
    await call.deps.terminal.out(
      call.json ? `${JSON.stringify({ name, records: recordsJson(records) })}\n` : zoneText(records),
    );
    return EXIT.ok;
  },
};
