// What an outcome means and what to do about it, in plain words, by its category. For the part of a report that people
// read; the remote's own line stands below it.
import type { DsnKind, OutcomeEvent } from '../flow/event.ts';

const BY_CATEGORY: Readonly<Record<string, string>> = {
  'recipient-unknown': 'There is no such mailbox. Check the address for a typing error.',
  'recipient-moved': 'The recipient has another address now. Ask for it, and write there.',
  'recipient-disabled': 'The mailbox is not in use any more. Reach the recipient in another way.',
  'recipient-full': 'The mailbox is full. Reach the recipient in another way, or try again in some days.',
  'recipient-refused': 'The recipient does not take mail from this sender. Ask the recipient to allow it.',
  'recipient-rate': 'The mailbox gets more mail than its provider allows. Send it again later.',
  'domain-unknown': 'The domain of the address does not exist. Check the part behind the @ for a typing error.',
  'domain-no-mail': 'The domain of the address takes no mail. Check the part behind the @ for a typing error.',
  'relay-denied':
    "The recipient's mail server does not feel responsible for the address. Check it, or tell their postmaster.",
  'dns-failure':
    "The recipient's domain could not be looked up. Send it again later; if that fails too, tell their postmaster.",
  'connect-failure':
    "The recipient's mail server could not be reached. Send it again later, or reach the recipient in another way.",
  'tls-failure':
    "No connection to the recipient's mail server was secure enough for this message. Tell the operator of this relay.",
  'remote-error':
    "The recipient's mail server has a trouble of its own. Send it again later, or reach the recipient in another way.",
  greylist: "The recipient's mail server asked to come back later, every time. Send it again later.",
  'rate-limit':
    "The recipient's provider takes no more mail from this relay for now. Send it again later, and less at a time.",
  'conn-limit': "The recipient's provider takes no more connections from this relay for now. Send it again later.",
  'too-many-recipients': 'The message has more recipients than their server takes at once. Send it to fewer at a time.',
  'ip-block': "The recipient's provider blocks this relay. Tell the operator of this relay.",
  reputation:
    "The recipient's provider does not trust this relay or this sender enough. Tell the operator of this relay.",
  'domain-block': 'The sending domain, or a link in the message, is on a block list. Tell the operator of this relay.',
  'auth-fail':
    "The message did not pass the provider's check of its sender (SPF, DKIM, DMARC). Tell the operator of this relay.",
  'host-identity':
    "The recipient's provider does not accept how this relay names itself. Tell the operator of this relay.",
  'sender-rejected': "The sender's address was refused. Check it: its domain must exist and take mail.",
  policy: "A rule of the recipient's provider forbids this message. Its own words below say more.",
  'spam-content':
    "The recipient's provider takes the message for spam. Change its content, or ask the recipient to allow it.",
  virus: "The recipient's provider found something harmful in the message. Look at its attachments and links.",
  'content-rejected': "The recipient's provider does not accept the content. Its own words below say more.",
  'message-malformed':
    "The message has a form that the recipient's mail server does not take. Tell whoever wrote the sending program.",
  'too-large': "The message is larger than the recipient's mail server takes. Send a link instead of an attachment.",
  loop: 'The message went round in a circle between mail servers. Tell the postmaster of the recipient.',
  'protocol-error':
    "This relay and the recipient's mail server did not understand each other. Tell the operator of this relay.",
  'auth-required':
    'The next mail server wants a password that this relay does not have. Tell the operator of this relay.',
  suppressed:
    'The address is on the list of those that no mail is sent to. Ask the operator of this relay to take it off.',
  'not-attempted': 'It had to wait here until it was too old. Tell the operator of this relay.',
};

const UNKNOWN: Readonly<Record<DsnKind, string>> = {
  failed: "The recipient's mail server refused it. Its own words below say more.",
  delayed: "The recipient's mail server does not take it yet. Its own words below say more.",
  relayed: '',
};

/** While it is still tried nothing is to be done: only why it waits is told. */
export function explanationOf(kind: DsnKind, { category, outcome, error, reply, decidedAt }: OutcomeEvent): string {
  if (kind === 'relayed') return "It is now with the recipient's mail server.";
  const known = Object.hasOwn(BY_CATEGORY, category) ? BY_CATEGORY[category] : undefined;
  const words = known ?? (reply === undefined ? "The recipient's mail server could not be reached." : UNKNOWN[kind]);
  const meaning = kind === 'delayed' ? firstSentence(words) : words;
  const tried = outcome === 'expired' ? 'It was tried until it was too old. ' : '';
  const own = error?.text ?? (decidedAt === 'dns' ? reply?.lines.join(' ') : undefined);
  return `${tried}${meaning}${own === undefined ? '' : ` (${own})`}`;
}

/** What a category means, without what to do. */
export function reasonOf(category: string): string {
  return Object.hasOwn(BY_CATEGORY, category) ? firstSentence(BY_CATEGORY[category] ?? '') : category;
}

export function kindInWords(kind: string): string {
  if (kind === 'failed') return 'could not be delivered';
  return kind === 'delayed' ? 'are delayed' : 'were passed on to servers without reports';
}

function firstSentence(text: string): string {
  const end = text.search(/[.:;] /);
  return end === -1 ? text : `${text.slice(0, end)}.`;
}
