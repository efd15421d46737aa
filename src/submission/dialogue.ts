// The commands of one session and what they leave behind: the client's name, its user, the transaction. Order of
// checks: may the command come now, is it well formed, may this client do that. RSET, EHLO, STARTTLS and every refused
// or finished DATA leave no transaction.
import { isLoopback } from './networks.ts';
import type { ListenerState } from './listener-state.ts';
import type { Peer } from './peer.ts';
import type { Shared } from './shared.ts';
import { isRefusal, REPLY, type SmtpReply } from './smtp-reply.ts';
import { beginTransaction, type Transaction } from './transaction.ts';
import type { User } from './users.ts';

const HELLO_MAX = 255;
/** A host name or literal; anything printable is taken, since clients call themselves all sorts of things. */
const HELLO = /^[!-~]+$/;
const MECHANISM = /^(?:PLAIN|LOGIN)(?: |$)/i;
/** Browsers can be made to send these, with SMTP commands in the body, to a port that trusts its network. */
const HTTP_VERBS: ReadonlySet<string> = new Set([
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'CONNECT',
  'TRACE',
]);
const JUNK_VERBS: ReadonlySet<string> = new Set(['NOOP', 'RSET', 'VRFY', 'HELP', 'HELO', 'EHLO']);

export interface DialogueHost {
  reply(value: SmtpReply): void;
  /** 354 is due: content comes next. */
  receive(transaction: Transaction): void;
  /** 220 is out: TLS comes next. */
  startTls(): void;
}

export interface Hello {
  readonly name: string;
  readonly isExtended: boolean;
}

export type LoginReply = { readonly user: string } | { readonly refused: SmtpReply; readonly last?: SmtpReply };

export class Dialogue {
  readonly #shared: Shared;
  readonly #listener: ListenerState;
  readonly #peer: Peer;
  readonly #host: DialogueHost;
  readonly #isLocal: boolean;
  #hello: Hello | undefined;
  #userName: string | undefined;
  #isAuthenticated = false;
  #transaction: Transaction | undefined;
  #junk = 0;
  #authFailures = 0;

  constructor(shared: Shared, listener: ListenerState, peer: Peer, host: DialogueHost) {
    this.#shared = shared;
    this.#listener = listener;
    this.#peer = peer;
    this.#host = host;
    this.#userName = listener.trustedUser(peer.address);
    this.#isLocal = isLoopback(peer.address);
  }

  get hello(): Hello {
    return this.#hello ?? { name: '', isExtended: false };
  }

  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  /** The transaction is over. `accepted`: there is mail, so the junk before it was none. */
  endTransaction(accepted: boolean): void {
    this.#transaction = undefined;
    if (accepted) this.#junk = 0;
  }

  /** RFC 3207 section 4.2: everything learnt before TLS is forgotten. */
  secured(): void {
    this.#hello = undefined;
    this.#transaction = undefined;
    this.#isAuthenticated = false;
    this.#userName = this.#listener.trustedUser(this.#peer.address);
  }

  /** `line`: undefined when it was no text. `hasMore`: more input is there already. */
  command(line: string | undefined, hasMore: boolean): void | Promise<void> {
    if (line === undefined) {
      this.#peer.abortAuth();
      return this.#answer('', REPLY.controlInCommand);
    }
    if (this.#peer.awaitsAuthLine) return this.#peer.authenticate(line);
    const space = line.indexOf(' ');
    const verb = (space === -1 ? line : line.slice(0, space)).toUpperCase();
    const rest = space === -1 ? '' : line.slice(space);
    switch (verb) {
      case 'MAIL':
        return this.#answer(verb, this.#mail(rest));
      case 'RCPT':
        return this.#rcpt(rest);
      case 'DATA':
        return this.#data(rest, hasMore);
      case 'AUTH':
        return this.#auth(line, rest.trim());
      case 'STARTTLS':
        return this.#startTls(rest);
      default:
        return this.#answer(verb, this.#simple(verb, rest.trim()));
    }
  }

  /** A reply of the AUTH exchange. */
  answerAuth(value: SmtpReply): void {
    this.#answer('AUTH', value);
  }

  /** The end of an AUTH exchange: whose password is this? */
  async login(name: string, password: string): Promise<LoginReply> {
    const { credentials, counts, log } = this.#shared;
    const result = await credentials.login(this.#peer.address, name, password);
    if (result.login === 'ok') {
      counts.logins++;
      if (result.cached) counts.loginsCached++;
      this.#userName = result.user.name;
      this.#isAuthenticated = true;
      return { user: result.user.name };
    }
    if (result.login === 'wrong') counts.loginsFailed++;
    else counts.loginsPutOff++;
    // A name nobody has may be a password typed into the wrong field.
    const user = this.#shared.users().find(name)?.name;
    const { id: session, address } = this.#peer;
    const fields = { session, address, why: result.login, ...(user !== undefined && { user }) };
    // Hashing bounds how many are wrong; what is put off may be a flood.
    if (result.login === 'wrong') log.warn(fields, 'login refused');
    else log.debug(fields, 'login put off');
    const isLast = ++this.#authFailures >= this.#shared.options.limits.authFailures;
    const refused = LOGIN_REPLY[result.login];
    return isLast ? { refused, last: REPLY.authTooMany } : { refused };
  }

  #simple(verb: string, argument: string): SmtpReply {
    switch (verb) {
      case 'EHLO':
      case 'HELO':
        return this.#greet(argument, verb === 'EHLO');
      case 'RSET':
        if (argument === '') this.#transaction = undefined;
        return argument === '' ? REPLY.flushed : REPLY.noParameters;
      case 'NOOP':
        return REPLY.noop;
      case 'QUIT':
        return argument === '' ? REPLY.bye : REPLY.noParameters;
      case 'VRFY':
        return argument === '' ? REPLY.syntax : REPLY.vrfy;
      case 'HELP':
        return REPLY.help;
      case 'EXPN':
      case 'BDAT':
      case 'ETRN':
        return REPLY.notImplemented;
      default:
        return HTTP_VERBS.has(verb) ? { ...REPLY.unknownCommand, closes: true } : REPLY.unknownCommand;
    }
  }

  #greet(name: string, isExtended: boolean): SmtpReply {
    if (name.length > HELLO_MAX || !HELLO.test(name)) return REPLY.helloSyntax;
    this.#hello = { name, isExtended };
    this.#transaction = undefined;
    const { hostName } = this.#shared.options;
    if (!isExtended) return { code: 250, text: hostName };
    const lines = ['PIPELINING', `SIZE ${this.#shared.options.limits.sizeMax}`, '8BITMIME', 'SMTPUTF8', 'DSN'];
    if (this.#mayAuthenticate() && !this.#isAuthenticated) lines.push('AUTH PLAIN LOGIN');
    if (this.#peer.isSecure) lines.push('REQUIRETLS');
    else if (this.#listener.offersTls) lines.push('STARTTLS');
    return { code: 250, text: hostName, more: [...lines, 'ENHANCEDSTATUSCODES'] };
  }

  /** Passwords cross no network in plain. */
  #mayAuthenticate(): boolean {
    return this.#peer.isSecure || this.#isLocal;
  }

  #user(): User | undefined {
    return this.#userName === undefined ? undefined : this.#shared.users().find(this.#userName);
  }

  #needs(otherwise: SmtpReply): SmtpReply {
    return this.#hello === undefined ? REPLY.helloFirst : otherwise;
  }

  #mail(rest: string): SmtpReply {
    if (this.#hello === undefined) return REPLY.helloFirst;
    if (this.#transaction !== undefined) return REPLY.nestedMail;
    const anonymous = this.#mayAuthenticate() || !this.#listener.offersTls ? REPLY.authRequired : REPLY.tlsRequired;
    const begun = beginTransaction(this.#shared, rest, this.#peer.isSecure, this.#user(), anonymous);
    if (isRefusal(begun)) return begun;
    this.#transaction = begun;
    return REPLY.mailOk;
  }

  #rcpt(rest: string): void | Promise<void> {
    const answer = this.#transaction?.addRecipient(rest) ?? this.#needs(REPLY.mailFirst);
    if (!(answer instanceof Promise)) return this.#answer('RCPT', answer);
    return answer.then((reply) => this.#answer('RCPT', reply));
  }

  #data(rest: string, hasMore: boolean): void | Promise<void> {
    const transaction = this.#transaction;
    if (rest !== '') return this.#refuseData(REPLY.noParameters, hasMore);
    if (transaction === undefined) return this.#refuseData(this.#needs(REPLY.mailFirst), hasMore);
    if (transaction.recipients === 0) return this.#refuseData(REPLY.rcptFirst, hasMore);
    if (!transaction.user.counted) return this.#host.receive(transaction);
    return transaction.askRate().then((refusal) => {
      if (refusal === undefined) return this.#host.receive(transaction);
      this.#transaction = undefined;
      this.#refuseData(refusal, hasMore);
    });
  }

  /** What stands behind a refused DATA may be content; it must not be run as commands (RFC 2920 section 3.1). */
  #refuseData(refusal: SmtpReply, hasMore: boolean): void {
    this.#answer('DATA', refusal);
    if (hasMore) this.#host.reply(REPLY.pipelinedBehindData);
  }

  #auth(line: string, argument: string): void | Promise<void> {
    const refusal = this.#authRefusal(argument);
    return refusal === undefined ? this.#peer.authenticate(line) : this.#answer('AUTH', refusal);
  }

  #authRefusal(argument: string): SmtpReply | undefined {
    if (this.#hello === undefined) return REPLY.helloFirst;
    if (this.#isAuthenticated) return REPLY.alreadyAuthenticated;
    if (this.#transaction !== undefined) return REPLY.authInTransaction;
    if (!this.#mayAuthenticate()) return this.#listener.offersTls ? REPLY.authNeedsTls : REPLY.notImplemented;
    if (argument === '') return REPLY.syntax;
    return MECHANISM.test(argument) ? undefined : REPLY.authMechanism;
  }

  #startTls(rest: string): void {
    if (rest !== '') return this.#answer('STARTTLS', REPLY.noParameters);
    if (this.#peer.isSecure) return this.#answer('STARTTLS', REPLY.tlsActive);
    if (!this.#listener.offersTls) return this.#answer('STARTTLS', REPLY.noTls);
    this.#host.startTls();
  }

  /** Replies, and counts what leads nowhere. A wrong recipient is no junk: lists have many. */
  #answer(verb: string, value: SmtpReply): void {
    const isJunk = JUNK_VERBS.has(verb) || (value.code >= 500 && value.code <= 504 && verb !== 'RCPT');
    const isTooMuch = isJunk && ++this.#junk >= this.#shared.options.limits.junkCommands;
    this.#host.reply(isTooMuch ? REPLY.tooManyJunk : value);
  }
}

const LOGIN_REPLY = {
  wrong: REPLY.authFailed,
  busy: REPLY.authBusy,
  limited: REPLY.authLimited,
  away: REPLY.authAway,
} as const;
