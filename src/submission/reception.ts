// One message from 354 to its reply: octets in, header read, key claimed, record written. States: reading the header,
// reading the body, refused (the rest is read and dropped), finished. Nothing here knows of sockets.
import { createHash } from 'node:crypto';
import { isAscii } from 'node:buffer';
import { type Answer, IntakeAway } from '../flow/intake.ts';
import type { Accepted, ForwardPath, Message, MessageId } from '../flow/message.ts';
import { newMessageId } from '../flow/message-id.ts';
import { SpoolFull } from '../flow/spool.ts';
import { type HeaderFault, type HeaderSection, readHeaderSection } from '../mail/header-section.ts';
import { Content } from './content.ts';
import { type ControlFields, readControlFields } from './control-fields.ts';
import { type DataFault, DataScanner } from './data-scanner.ts';
import type { MailCommand } from './envelope-command.ts';
import { type GatheredHeader, HeaderGather } from './header-gather.ts';
import type { SubmissionOptions } from './options.ts';
import { isRoutedByFrom, mayUseDomain } from './rights.ts';
import type { Shared } from './shared.ts';
import { decideSigning, feedbackField, type SigningDecision } from './signing.ts';
import { accepted, headerFault, isRefusal, REPLY, refusalReply, type SmtpReply } from './smtp-reply.ts';
import { missingFields, receivedField, type TraceFacts } from './trace-header.ts';
import type { User } from './users.ts';

export interface Envelope {
  readonly user: User;
  readonly mail: MailCommand;
  readonly forwardPaths: readonly ForwardPath[];
}

export type ClientFacts = Pick<TraceFacts, 'helloName' | 'isExtended' | 'literal' | 'isSecure' | 'isAuthenticated'> & {
  /** Process and session: who holds a claim. */
  readonly holder: string;
};

const CRLF = Buffer.from('\r\n');
const FAULT_REPLY: Readonly<Record<DataFault, SmtpReply>> = {
  'bare-cr': REPLY.bareCr,
  'bare-lf': REPLY.bareLf,
  nul: REPLY.nul,
};

/** RFC 5321 section 4.5.4.1: for a user whose stream is not in the configuration any more. */
const DEFAULT_LIFETIME_MS = 5 * 86_400_000;
/** As long as memory is short: what an ordinary mail needs. */
const HEADER_OCTETS_ALWAYS = 16 * 1024;
const MAILBOX_SEPARATOR = headerFault('The message begins with a mailbox separator, not with a header field');

function sectionFault(fault: HeaderFault): SmtpReply {
  return fault.fault === 'control-twice'
    ? headerFault('A control header field is given twice')
    : headerFault(`Line ${fault.line} of the header is neither a field nor the empty line that ends it`);
}

export class Reception {
  readonly #shared: Shared;
  readonly #options: SubmissionOptions;
  readonly #envelope: Envelope;
  readonly #client: ClientFacts;
  readonly #id: MessageId;
  readonly #scanner = new DataScanner();
  readonly #content: Content;
  readonly #sizeMax: number;
  readonly #take = (piece: Buffer): void => this.#piece(piece);
  /** Present while the header section is read. */
  #header: HeaderGather | undefined = new HeaderGather();
  #headerHeld = 0;
  #section: HeaderSection | undefined;
  #has8bitHeader = false;
  #control: ControlFields = {};
  #signing: SigningDecision | undefined;
  /** Decided; what still comes is dropped. */
  #answer: SmtpReply | undefined;
  /** Of content, as the client sends it. */
  #octets = 0;
  #claim: 'none' | 'wanted' | 'held' = 'none';
  #settled = false;
  #accepted: Accepted | undefined;

  constructor(shared: Shared, envelope: Envelope, client: ClientFacts) {
    this.#shared = shared;
    this.#options = shared.options;
    this.#envelope = envelope;
    this.#client = client;
    this.#id = newMessageId(shared.clock.now(), shared.random);
    const { limits } = shared.options;
    this.#content = new Content(this.#id, shared.writer, shared.budget, limits.memoryPerMessage);
    this.#sizeMax = Math.min(limits.sizeMax, envelope.user.sizeMax ?? limits.sizeMax);
  }

  /** Octets used when the end of data is among them, -1 when all were, or the reply that ends the session. */
  feed(chunk: Buffer): number | SmtpReply {
    const end = this.#scanner.feed(chunk, this.#take);
    if (typeof end === 'string') return FAULT_REPLY[end];
    // Somebody who goes on and on after the limit is not going to read the reply.
    if (end === -1 && this.#octets > 2 * this.#sizeMax) return { ...REPLY.tooLarge, closes: true };
    return end;
  }

  /** There is something to wait for before more is read: `settle`. */
  get isUnsettled(): boolean {
    return this.#claim === 'wanted' || (this.#answer === undefined && this.#content.mustSpill);
  }

  /** Asks for the claim, moves content to its file. Never rejects for what a disk or the scheduler does. */
  async settle(): Promise<void> {
    if (this.#claim === 'wanted') await this.#askClaim();
    if (this.#answer !== undefined || !this.#content.mustSpill) return;
    await this.#orFull(() => this.#content.spill());
  }

  /** After the end of data: the message is durable or refused when this resolves. */
  async finish(): Promise<SmtpReply> {
    if (this.#header !== undefined) this.#headerDone(this.#header.finish());
    if (this.isUnsettled) await this.settle();
    this.#answer ??= this.#lateRefusal();
    if (this.#answer === undefined) await this.#orFull(() => this.#append());
    await this.abandon();
    return this.#answer ?? REPLY.internal;
  }

  /** To be called after `finish`: gives what is durable now to the scheduler. */
  handOver(): void {
    if (this.#accepted !== undefined) this.#shared.intake.accepted(this.#accepted);
    this.#accepted = undefined;
  }

  /** The transaction ends without a record, if it has not got one. Idempotent. */
  async abandon(): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    this.#releaseHeader();
    await this.#content.release(false);
    if (this.#claim !== 'held') return;
    const { idempotencyKey: key = '' } = this.#control;
    const { user } = this.#envelope;
    await this.#shared.intake
      .ask({ ask: 'release', user: user.name, key, holder: this.#client.holder })
      .catch(() => undefined);
  }

  #piece(piece: Buffer): void {
    this.#octets += piece.length;
    if (this.#answer !== undefined) return;
    if (this.#octets > this.#sizeMax) return this.#refuse(REPLY.tooLarge);
    if (this.#header === undefined) return this.#content.body(piece);
    const found = this.#header.add(piece, this.#options.limits.headerMax);
    if (found === 'too-large') this.#refuse(REPLY.headerTooLarge);
    else if (found !== undefined) this.#headerDone(found);
    else this.#holdHeader(piece.length);
  }

  /** A header section on its way is in memory whatever its size, so it counts; when memory is short a large one must go. */
  #holdHeader(octets: number): void {
    this.#headerHeld += octets;
    const { budget } = this.#shared;
    if (!budget.take(octets) && this.#headerHeld > HEADER_OCTETS_ALWAYS) this.#refuse(REPLY.full);
  }

  #releaseHeader(): void {
    this.#shared.budget.give(this.#headerHeld);
    this.#headerHeld = 0;
  }

  #refuse(answer: SmtpReply): void {
    this.#answer = answer;
    this.#header = undefined;
    // No need to claim a key for what is refused.
    if (this.#claim === 'wanted') this.#claim = 'none';
    this.#releaseHeader();
    // What is only read to be dropped holds neither memory nor disk.
    void this.#content.release(false);
  }

  #headerDone({ fields, separator, rest }: GatheredHeader): void {
    this.#header = undefined;
    this.#releaseHeader();
    const isAllBody = fields.length === 0 && separator.length === 0;
    if (isAllBody && /^>?From /.test(rest.toString('latin1', 0, 6))) return this.#refuse(MAILBOX_SEPARATOR);
    const section = readHeaderSection(fields, this.#shared.control);
    if ('fault' in section) return this.#refuse(sectionFault(section));
    this.#section = section;
    const control = readControlFields(section.control, this.#options);
    if (isRefusal(control)) return this.#refuse(control);
    this.#control = control;
    const { user } = this.#envelope;
    const { stream = user.stream } = control;
    const signing = this.#headerRefusal(section) ?? decideSigning(this.#options, user, stream, section.fromDomain);
    if (isRefusal(signing)) return this.#refuse(signing);
    this.#signing = signing;
    this.#has8bitHeader = !isAscii(fields);
    // A content that is all body gets a header section from us, which must end before it.
    const end = isAllBody && rest.length > 0 ? CRLF : separator;
    const head = [this.#ownFields(section, stream), ...section.kept, end];
    this.#content.head(head, this.#has8bitHeader, signing.wantsRelaxed);
    if (rest.length > 0) this.#content.body(rest);
    if (control.idempotencyKey !== undefined) this.#claim = 'wanted';
  }

  #headerRefusal(section: HeaderSection): SmtpReply | undefined {
    const { user } = this.#envelope;
    if (section.received > this.#options.limits.receivedMax) return REPLY.loop;
    if (section.fromFields > 1) return REPLY.twoFrom;
    if (user.domains === undefined) return undefined;
    if (section.fromDomain === undefined) return REPLY.notFrom;
    return mayUseDomain(user, section.fromDomain) ? undefined : REPLY.fromDomain;
  }

  #ownFields(section: HeaderSection, stream: string): Buffer {
    const template = section.hasFeedbackId ? undefined : this.#options.streams[stream]?.feedbackId;
    const { tenant, name: user } = this.#envelope.user;
    const feedback = feedbackField(template, { campaign: this.#control.campaign ?? 'none', stream, tenant, user });
    const { helloName, isExtended, literal, isSecure, isAuthenticated } = this.#client;
    const facts: TraceFacts = {
      helloName,
      isExtended,
      literal,
      isSecure,
      isAuthenticated,
      mode: this.#options.received,
      hostName: this.#options.hostName,
      id: this.#id,
      now: this.#shared.clock.now(),
      smtpUtf8: this.#envelope.mail.smtpUtf8,
    };
    return Buffer.from(receivedField(facts) + missingFields(facts, section) + feedback, 'latin1');
  }

  async #askClaim(): Promise<void> {
    const { user, mail, forwardPaths } = this.#envelope;
    const envelope = [mail.reversePath, ...forwardPaths.map((path) => path.mailbox).sort()];
    const digest = createHash('sha256').update(JSON.stringify(envelope)).digest('hex');
    const { idempotencyKey: key = '' } = this.#control;
    const question = { user: user.name, key, digest, messageId: this.#id, holder: this.#client.holder };
    let answer: Answer;
    try {
      answer = await this.#shared.intake.ask({ ask: 'claim', ...question });
    } catch (error) {
      if (!(error instanceof IntakeAway)) throw error;
      this.#claim = 'none';
      return this.#refuse(REPLY.scheduler);
    }
    this.#claim = answer.answer === 'yes' ? 'held' : 'none';
    if (answer.answer === 'done') {
      this.#shared.counts.repeated++;
      this.#refuse(accepted(answer.messageId));
    } else if (answer.answer === 'other-envelope') this.#refuse(REPLY.keyOtherEnvelope);
    else if (answer.answer !== 'yes') this.#refuse(REPLY.keyBusy);
  }

  /** What only the whole message can tell, and the gate as it is now. */
  #lateRefusal(): SmtpReply | undefined {
    const { counts, intake } = this.#shared;
    counts.longLines += this.#scanner.longLines;
    if (this.#scanner.longLines > 0 && this.#options.longLines === 'refuse') return REPLY.longLine;
    // The other refusals keep new transactions out; this one is in, and its sync is waited for.
    const refusal = intake.gate.refusal();
    return refusal === 'disk' || refusal === 'queue' ? refusalReply(refusal) : undefined;
  }

  async #append(): Promise<void> {
    const shared = this.#shared;
    const { octets, ...result } = this.#content.finish();
    const message = this.#message(result);
    const location = await shared.writer.append(message, octets);
    this.#settled = true;
    await this.#content.release(true);
    this.#accepted = { location, message };
    shared.counts.messages++;
    shared.counts.octets += message.size;
    if (this.#signing?.by === 'operator') shared.counts.signedByOperator++;
    else if (this.#signing?.by === 'nobody') shared.counts.unsigned++;
    this.#answer = accepted(message.id);
  }

  #message(result: Pick<Message, 'size' | 'sha256' | 'bodySha256' | 'bodyRelaxedSha256' | 'has8bit'>): Message {
    const { user, mail, forwardPaths } = this.#envelope;
    const { stream = user.stream, pool = user.pool, ...control } = this.#control;
    const streamOptions = this.#options.streams[stream];
    const chosenPool = pool ?? streamOptions?.pool;
    const fromDomain = this.#section?.fromDomain;
    return {
      id: this.#id,
      acceptedAt: this.#shared.clock.now(),
      tenant: user.tenant,
      user: user.name,
      stream,
      ...(chosenPool !== undefined && { pool: chosenPool }),
      ...control,
      lifetimeMs: streamOptions?.lifetimeMs ?? DEFAULT_LIFETIME_MS,
      reversePath: mail.reversePath,
      forwardPaths,
      ...(mail.ret !== undefined && { ret: mail.ret }),
      ...(mail.envid !== undefined && { envid: mail.envid }),
      body: mail.body,
      smtpUtf8: mail.smtpUtf8,
      requireTls: mail.requireTls,
      ...result,
      has8bitHeader: this.#has8bitHeader,
      ...(fromDomain !== undefined && { fromDomain }),
      ...(isRoutedByFrom(this.#options, fromDomain) && { byFrom: true }),
      ...this.#signing?.fields,
    };
  }

  async #orFull(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof SpoolFull)) throw error;
      this.#refuse(REPLY.full);
    }
  }
}
