// What the signatures of a message will be, decided once at acceptance, so that every copy of it has the same octets:
// which keys, in which canonical form, good until when. And whether its From domain may be used at all. Pure.
import type { Message } from '../flow/message.ts';
import { mayBear, type SigningTable, signingOf } from '../mail/signing-table.ts';
import type { SigningOptions, SubmissionOptions } from './options.ts';
import { REPLY, type SmtpReply } from './smtp-reply.ts';
import type { User } from './users.ts';

export interface SigningDecision {
  readonly fields: Pick<Message, 'selectors' | 'signatureMs'>;
  /** The hash of the body in relaxed form is needed. */
  readonly wantsRelaxed: boolean;
  /** Signed for the From domain, by the operator's domain alone, or not at all. */
  readonly by: 'own' | 'operator' | 'nobody';
}

const UNSIGNED: SigningDecision = { fields: {}, wantsRelaxed: false, by: 'nobody' };

export function decideSigning(
  options: Pick<SubmissionOptions, 'signing' | 'streams'>,
  user: User,
  stream: string,
  fromDomain: string | undefined,
): SigningDecision | SmtpReply {
  const { signing } = options;
  if (signing === undefined) return UNSIGNED;
  if (fromDomain !== undefined && !mayBear(signing.table, user.tenant, fromDomain)) return REPLY.fromDomain;
  const { selectors, isOwn } = signingOf(signing.table, fromDomain);
  if (!isOwn && isRequired(signing, options, user, stream)) return REPLY.noKey;
  if (selectors.length === 0) return UNSIGNED;
  return {
    fields: { selectors, ...(signing.validityMs !== undefined && { signatureMs: signing.validityMs }) },
    wantsRelaxed: signing.isRelaxed,
    by: isOwn ? 'own' : 'operator',
  };
}

/** The closest word counts: the user's, the stream's, the relay's. */
function isRequired(
  signing: SigningOptions,
  { streams }: Pick<SubmissionOptions, 'streams'>,
  user: User,
  stream: string,
): boolean {
  const said = user.dkim ?? streams[stream]?.dkim;
  return said === undefined ? signing.required : said === 'required';
}

/** May the user's mail have this domain in its reverse-path? */
export function mayReturnTo(table: SigningTable | undefined, user: User, domain: string): boolean {
  return table === undefined || mayBear(table, user.tenant, domain);
}

/** Values are separated by colons; what could end one, or the field, is replaced. '' without a template. */
export function feedbackField(
  template: string | undefined,
  values: Readonly<Record<'campaign' | 'stream' | 'tenant' | 'user', string>>,
): string {
  if (template === undefined) return '';
  const text = template.replace(/\{(campaign|stream|tenant|user)\}/g, (_, name: keyof typeof values) =>
    values[name].replace(/[^A-Za-z0-9._-]/g, '_'),
  );
  return `Feedback-ID: ${text}\r\n`;
}
