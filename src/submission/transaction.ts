// One MAIL transaction before its content: who sends, to whom, and whether that may be. The order of checks is the
// order an operator expects: what the command says, who asks, what the user may, what the relay can take now.
import { type Answer, IntakeAway } from '../flow/intake.ts';
import type { ForwardPath } from '../flow/message.ts';
import { isGone } from '../policy/suppression.ts';
import { type MailCommand, parseMailCommand, parseRcptCommand } from './envelope-command.ts';
import { mayUseDomain } from './rights.ts';
import type { Shared } from './shared.ts';
import { mayReturnTo } from './signing.ts';
import { isRefusal, REPLY, refusalReply, type SmtpReply } from './smtp-reply.ts';
import type { User } from './users.ts';

/** `user`: undefined when nobody has authenticated; then `anonymous` is the reply. */
export function beginTransaction(
  shared: Shared,
  rest: string,
  isSecure: boolean,
  user: User | undefined,
  anonymous: SmtpReply,
): Transaction | SmtpReply {
  const mail = parseMailCommand(rest, isSecure);
  if (isRefusal(mail)) return mail;
  if (user === undefined) return anonymous;
  if (mail.domain !== undefined && !mayUseDomain(user, mail.domain)) return REPLY.senderDomain;
  const { limits, signing } = shared.options;
  if (mail.domain !== undefined && !mayReturnTo(signing?.table, user, mail.domain)) return REPLY.senderDomain;
  if ((mail.size ?? 0) > Math.min(limits.sizeMax, user.sizeMax ?? limits.sizeMax)) return REPLY.tooLarge;
  const refusal = shared.intake.gate.refusal();
  if (refusal !== undefined) return refusalReply(refusal);
  return new Transaction(shared, user, mail);
}

export class Transaction {
  readonly user: User;
  readonly mail: MailCommand;
  readonly #shared: Shared;
  /** By mailbox: one that is named twice gets one delivery, as asked for last. */
  readonly #paths = new Map<string, ForwardPath>();

  constructor(shared: Shared, user: User, mail: MailCommand) {
    this.#shared = shared;
    this.user = user;
    this.mail = mail;
  }

  get recipients(): number {
    return this.#paths.size;
  }

  get forwardPaths(): readonly ForwardPath[] {
    return [...this.#paths.values()];
  }

  /** `rest`: the command line after `RCPT`. */
  addRecipient(rest: string): SmtpReply | Promise<SmtpReply> {
    const path = parseRcptCommand(rest, this.mail.smtpUtf8);
    if (isRefusal(path)) return path;
    const limit = this.#shared.options.limits.recipients;
    const isFull = this.#paths.size >= Math.min(limit, this.user.recipientsMax ?? limit);
    if (isFull && !this.#paths.has(path.mailbox)) return REPLY.tooManyRecipients;
    if (this.user.refusesSuppressed === true) return this.#unlessSuppressed(path);
    return this.#add(path);
  }

  #add(path: ForwardPath): SmtpReply {
    this.#paths.set(path.mailbox, path);
    return REPLY.rcptOk;
  }

  /**
   * The stream is not known before the header, so only what holds for the whole tenant counts here. Without an answer
   * the recipient is taken: whoever delivers looks again.
   */
  async #unlessSuppressed(path: ForwardPath): Promise<SmtpReply> {
    const recipient = { mailbox: path.mailbox, domain: path.domain, tenant: this.user.tenant };
    try {
      const answer = await this.#shared.intake.ask({ ask: 'suppression', recipient });
      if (answer.answer === 'suppressed') return isGone(answer.reason) ? REPLY.suppressedGone : REPLY.suppressed;
    } catch (error) {
      if (!(error instanceof IntakeAway)) throw error;
    }
    return this.#add(path);
  }

  /** Before 354: may this user send so much now? undefined: yes. Counts. Only asked when there is something to count. */
  async askRate(): Promise<SmtpReply | undefined> {
    let answer: Answer;
    try {
      const recipients = this.#paths.size;
      answer = await this.#shared.intake.ask({ ask: 'submit', user: this.user.name, recipients });
    } catch (error) {
      if (error instanceof IntakeAway) return REPLY.scheduler;
      throw error;
    }
    if (answer.answer === 'yes') return undefined;
    return answer.answer === 'no' && answer.why === 'recipients' ? REPLY.recipientsPerHour : REPLY.rate;
  }
}
