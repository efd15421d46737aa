// The Status field of a report (RFC 3464 section 2.3.4): the remote's own code where it fits what became of the delivery,
// else what the category means in RFC 3463.
import type { DsnKind, OutcomeEvent } from '../flow/event.ts';

const BY_CATEGORY: Readonly<Record<string, string>> = {
  'recipient-unknown': '1.1',
  'recipient-moved': '1.6',
  'recipient-disabled': '2.1',
  'recipient-full': '2.2',
  'recipient-refused': '7.2',
  'domain-unknown': '1.2',
  'domain-no-mail': '1.10',
  'relay-denied': '7.1',
  'dns-failure': '4.3',
  'connect-failure': '4.1',
  'tls-failure': '7.10',
  'remote-error': '3.0',
  'too-many-recipients': '5.3',
  'sender-rejected': '1.8',
  'message-malformed': '6.0',
  'content-rejected': '6.0',
  'spam-content': '7.1',
  virus: '7.1',
  'too-large': '3.4',
  loop: '4.6',
  'protocol-error': '5.0',
  policy: '7.1',
  'ip-block': '7.1',
  reputation: '7.1',
  'domain-block': '7.1',
  'auth-fail': '7.1',
  suppressed: '7.1',
};

export function statusOf({ category, outcome, reply }: OutcomeEvent, kind: DsnKind): string {
  const said = reply?.enhanced;
  if (kind === 'relayed') return said?.startsWith('2.') === true ? said : '2.0.0';
  // RFC 3463 section 3.5: X.4.7 is of use as a transient code alone, and says why it is given up.
  if (outcome === 'expired') return '4.4.7';
  const digit = kind === 'delayed' ? '4' : '5';
  if (said?.startsWith(`${digit}.`) === true) return said;
  const known = Object.hasOwn(BY_CATEGORY, category) ? BY_CATEGORY[category] : undefined;
  return `${digit}.${known ?? '0.0'}`;
}
