// How the providers of the trial world behave: what they allow one address, and the words they say beyond it, after
// what Google, Yahoo and Microsoft really answer. Pure: counts in, reply out.

export interface Personality {
  readonly name: string;
  /** Recipient domains it stands for. */
  readonly domains: readonly string[];
  /** MX hosts of those domains; recognised as the real provider's by their ends. */
  readonly mx: readonly string[];
  readonly banner: string;
  readonly limits: {
    readonly connections: number;
    readonly messagesPerConnection: number;
    readonly messagesPerMinute: number;
  };
  readonly replies: {
    readonly connections: string;
    readonly messagesPerConnection: string;
    readonly messagesPerMinute: string;
    readonly accepted: string;
  };
}

/** `{ip}` in a reply is the client's address. */
export const PERSONALITIES: readonly Personality[] = [
  {
    name: 'google',
    domains: ['gmail.com', 'googlemail.com'],
    mx: ['gmail-smtp-in.l.google.com', 'alt1.gmail-smtp-in.l.google.com'],
    banner: 'mx.google.com ESMTP trial - gsmtp',
    limits: { connections: 20, messagesPerConnection: 100, messagesPerMinute: 600 },
    replies: {
      connections: '421 4.7.0 Try again later, closing connection. - gsmtp',
      messagesPerConnection: '421 4.7.0 Too many messages for this session. - gsmtp',
      messagesPerMinute:
        '421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address [{ip}]. - gsmtp',
      accepted: '250 2.0.0 OK  trial - gsmtp',
    },
  },
  {
    name: 'yahoo',
    domains: ['yahoo.com', 'aol.com', 'ymail.com'],
    mx: ['mta5.am0.yahoodns.net', 'mta6.am0.yahoodns.net'],
    banner: 'mtaproxy.mail.yahoo.com ESMTP ready',
    limits: { connections: 10, messagesPerConnection: 20, messagesPerMinute: 300 },
    replies: {
      connections:
        '421 4.7.0 [TSS04] Messages from {ip} temporarily deferred due to unexpected volume or user complaints',
      messagesPerConnection: '421 Max message per connection reached, closing transmission channel',
      messagesPerMinute:
        '421 4.7.0 [TSS04] Messages from {ip} temporarily deferred due to unexpected volume or user complaints - 4.16.55.1',
      accepted: '250 ok dirdel',
    },
  },
  {
    name: 'outlook',
    domains: ['outlook.com', 'hotmail.com', 'live.com'],
    mx: ['outlook-com.olc.protection.outlook.com'],
    banner: 'TRIAL.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready',
    limits: { connections: 15, messagesPerConnection: 50, messagesPerMinute: 300 },
    replies: {
      connections: '421 4.7.652 The mail server [{ip}] has exceeded the maximum number of connections.',
      messagesPerConnection:
        '421 4.7.653 The mail server [{ip}] has exceeded the maximum number of messages per connection.',
      messagesPerMinute:
        '451 4.7.650 The mail server [{ip}] has been temporarily rate limited due to IP reputation. (S775)',
      accepted: '250 2.6.0 <trial> [InternalId=1] Queued mail for delivery',
    },
  },
];

/** Everybody else. */
export const PLAIN: Personality = {
  name: 'plain',
  domains: [],
  mx: [],
  banner: 'mx.trial.test ESMTP',
  limits: { connections: 50, messagesPerConnection: 1000, messagesPerMinute: 100_000 },
  replies: {
    connections: '421 4.7.0 Too many connections from your address',
    messagesPerConnection: '421 4.7.0 Too many messages on this connection',
    messagesPerMinute: '451 4.7.1 Rate limit exceeded, try again later',
    accepted: '250 2.0.0 Ok: queued',
  },
};

/** MX hosts of a recipient domain, best first. */
export function mxOf(domain: string): readonly string[] {
  const known = PERSONALITIES.find(({ domains }) => domains.includes(domain));
  return known?.mx ?? [`mx1.${domain}`, `mx2.${domain}`];
}

/** Who an MX host belongs to. */
export function personalityOf(host: string): Personality {
  return PERSONALITIES.find(({ mx }) => mx.includes(host)) ?? PLAIN;
}
