// config/responses.yaml and config/providers.yaml: what replies mean, and which mail hosts are one provider. Both are
// shipped; own-responses.yaml and own-providers.yaml beside the operator's files come before them.
import { choice, count, domainName, flag, rate, text } from './kinds.ts';
import { burst, connectionsPerAddress, meterCaps, newConnections, rates } from './schema-caps.ts';
import { CLASSES } from '../rules/rule-set.ts';
import { group, type Infer, list, map } from './setting.ts';

const fragment = text('A piece of text that a reply has, in any case. Alternatives behind ` | `.', {
  example: 'a | b',
});
const action = text('One action.', { example: 'suspend source+provider 1h' });

const rule = group('One rule.', {
  id: text('Its name, in events and in `postilion classify`.', { example: 'own-1' }),
  provider: text('Only for replies of this provider.', { optional: 'any', example: 'google' }),
  text: list('All of these must occur.', fragment, { default: [], single: true }),
  unless: list('None of these may occur.', fragment, { optional: 'nothing', example: ['sender'], single: true }),
  codes: list(
    'Reply code and enhanced code that the reply must have: 421, 4xx, 4.7.28, 5.7.x, 5.7.606-649.',
    text('A code.', { example: '4.7.28' }),
    { optional: 'any', example: ['421', '4.7.28'], single: true },
  ),
  category: text('What the reply is about: a name under `categories`.', { example: 'rate-limit' }),
  scope: text('Of whom it speaks.', { optional: "the category's", example: 'source' }),
  actions: list('What follows.', action, { optional: "the category's", example: ['slow rate'], single: true }),
  keep: flag('A 5xx of this kind is not final.', { optional: "the category's", example: true }),
  sample: text('A reply that this rule takes.', { example: '421 4.7.28 slow down' }),
});

const category = group('One category.', {
  class: choice('Its class.', CLASSES, { example: 'throttle' }),
  scope: text('Of whom it speaks.', { example: 'source' }),
  actions: list('What follows.', action, { example: ['retry normal'], single: true }),
  keep: flag('A 5xx of this category is not final.', { optional: 'false', example: true }),
});

const to = text('A category.', { example: 'rate-limit' });
const code = { entry: '421', name: /^(?:[245]xx|[2-5]\d\d|[245x]\.\d{1,3}\.\d{1,3})$/ };

const tables = {
  aliases: map('Other names of providers.', text('A provider.', { example: 'google' }), { entry: 'gmail' }),
  enhanced: map('What enhanced codes mean when the text says nothing; x stands for 4 or 5.', to, code),
  replies: map('What reply codes mean when nothing else says more.', to, code),
  silence: map('What there is without a reply: kind of error or phase.', to, { entry: 'timeout' }),
};

export const responsesSchema = group('What replies mean.', {
  categories: map('Categories.', category, { entry: 'rate-limit' }),
  ...tables,
  rules: list('Text rules; the first that takes a reply decides.', rule, { default: [] }),
});

const suffix = text(
  'End of an MX host name; with a dot in front a host below that domain.',
  { example: '.google.com' },
  /^\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/,
  'the end of a host name in lower case such as .google.com, without a dot behind it',
);
const connections = 'Connections open at a time.';
const perConnection = 'Deliveries after which a connection is closed.';

const figures = {
  connections: count(connections, { optional: 'no limit', example: 5, min: 1, max: 10_000 }),
  deliveriesPerConnection: count(perConnection, { optional: 'no limit', example: 50, min: 1, max: 1_000_000 }),
  rate: rate('Recipients.', { optional: 'no limit', example: '60/m' }),
};

const provider = group('One provider.', {
  name: text('For people.', { optional: 'the key', example: 'Gmail' }),
  mx: list('Its mail hosts.', suffix, { default: [], single: true }),
  domains: list(
    'Recipient domains, for those whose mail hosts say nothing.',
    domainName('A domain.', { example: 'gmail.com' }),
    {
      default: [],
      single: true,
    },
  ),
  lanes: choice(
    'shared: one lane per source for all its mail hosts. per-site: a lane for each set of mail hosts, where a provider keeps its customers apart.',
    ['shared', 'per-site'],
    { optional: 'shared', example: 'per-site' },
  ),
  start: group(
    'What a source begins with while its warm-up plan is not through here. Any other is warm and begins at the ceiling. After a block every source begins with one connection, at this rate at most.',
    figures,
  ),
  ceiling: group('What the pace may reach, and what a warm source begins with.', figures),
  caps: group('What a lane never exceeds, beside the ceiling.', {
    connectionsPerAddress: connectionsPerAddress(
      'Connections open at a time of a source to one of its addresses, over all its lanes.',
      'no limit',
    ),
    newConnections: newConnections('Connections opened.'),
    rate: rates('Recipients.'),
    burst,
  }),
  group: meterCaps('What all lanes of a source to the provider never exceed together.'),
  recipientsPerTransaction: count('Recipients of one transaction.', {
    optional: 'no limit',
    example: 20,
    min: 1,
    max: 1000,
  }),
  ipv6: flag('false: nothing is sent to it over IPv6. A source that has an IPv6 address only sends it nothing.', {
    optional: 'true',
    example: false,
  }),
  sure: text('How well the figures are known.', { optional: 'not said', example: 'vendor' }),
});

export const providersSchema = group('Mailbox providers.', {
  providers: map('By name.', provider, { entry: 'google' }),
});

export type ResponsesFile = Infer<typeof responsesSchema>;
export type ProvidersFile = Infer<typeof providersSchema>;
export type Provider = ProvidersFile['providers'][string];
