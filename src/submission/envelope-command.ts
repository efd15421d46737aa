// MAIL and RCPT: from the text after the verb to a checked command, or the reply that refuses it. Pure. RFC 5321
// section 4.1.1, RFC 1870 (SIZE), 6152 (BODY), 3461 (DSN), 4954 (AUTH=), 6531 (SMTPUTF8), 8689 (REQUIRETLS).
import type { Domain, Mailbox, Notify, ReversePath } from '../flow/message.ts';
import { type AddressFault, parseAddress } from '../mail/address.ts';
import { isCleanXtext, isXtext } from '../mail/xtext.ts';
import type { SmtpReply } from './smtp-reply.ts';

export interface MailCommand {
  readonly reversePath: ReversePath;
  /** Of the reverse-path; absent for the null reverse-path. */
  readonly domain?: Domain;
  readonly size?: number;
  readonly body: '7bit' | '8bitmime';
  readonly smtpUtf8: boolean;
  readonly requireTls: boolean;
  readonly ret?: 'full' | 'hdrs';
  readonly envid?: string;
}

export interface RcptCommand {
  readonly mailbox: Mailbox;
  readonly domain: Domain;
  readonly notify?: Notify;
  readonly orcpt?: string;
}

type Parameters = Map<string, string | undefined>;

/** The path may hold `>` only inside a quoted local part. */
const MAIL = /^ FROM: *<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>(| .*)$/i;
const RCPT = /^ TO: *<((?:"(?:[^"\\]|\\.)*"|[^<>"])*)>(| .*)$/i;
const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u0080-\uffff]+))?$/;
/** RFC 3461 section 4.4: envid of at most 100 characters; the limit of an orcpt is 500. */
const ENVID_MAX = 100;
const ORCPT = /^[A-Za-z0-9-]{1,40};(.{1,500})$/;

const fault = (code: number, enhanced: string, text: string): SmtpReply => ({ code, enhanced, text });
const badValue = (name: string): SmtpReply => fault(501, '5.5.4', `Bad value of parameter ${name}`);
const unknown = fault(555, '5.5.4', 'Parameter not recognized or not implemented');

function addressReply(trouble: AddressFault, sender: boolean): SmtpReply {
  switch (trouble) {
    case 'syntax':
      return fault(501, sender ? '5.1.7' : '5.1.3', 'Bad address syntax');
    case 'too-long':
      return fault(501, sender ? '5.1.7' : '5.1.3', 'Address too long');
    case 'needs-smtputf8':
      return fault(553, '5.6.7', 'Address is not ASCII and SMTPUTF8 was not asked for');
  }
}

function parseParameters(text: string): Parameters | SmtpReply {
  const parameters: Parameters = new Map();
  for (const word of text.split(' ')) {
    if (word === '') continue;
    const parsed = PARAMETER.exec(word);
    if (parsed === null) return fault(501, '5.5.4', 'Bad parameter syntax');
    const name = (parsed[1] ?? '').toUpperCase();
    if (parameters.has(name)) return fault(501, '5.5.4', 'Parameter given twice');
    parameters.set(name, parsed[2]);
  }
  return parameters;
}

type MailDraft = { -readonly [Key in keyof MailCommand]: MailCommand[Key] };

function mailParameter(
  draft: MailDraft,
  name: string,
  value: string | undefined,
  secure: boolean,
): SmtpReply | undefined {
  switch (name) {
    case 'SIZE':
      if (value === undefined || !/^\d{1,20}$/.test(value)) return badValue(name);
      draft.size = Number(value);
      return undefined;
    case 'BODY': {
      const body = value?.toLowerCase();
      if (body === 'binarymime') return fault(555, '5.5.4', 'BODY=BINARYMIME is not offered');
      if (body !== '7bit' && body !== '8bitmime') return badValue(name);
      draft.body = body;
      return undefined;
    }
    case 'SMTPUTF8':
      draft.smtpUtf8 = true;
      return value === undefined ? undefined : badValue(name);
    case 'REQUIRETLS':
      if (!secure) return unknown;
      draft.requireTls = true;
      return value === undefined ? undefined : badValue(name);
    case 'RET': {
      const ret = value?.toLowerCase();
      if (ret !== 'full' && ret !== 'hdrs') return badValue(name);
      draft.ret = ret;
      return undefined;
    }
    case 'ENVID':
      if (value === undefined || value.length > ENVID_MAX || !isCleanXtext(value)) return badValue(name);
      draft.envid = value;
      return undefined;
    case 'AUTH':
      // RFC 4954 section 5: must be understood; we trust nobody's statement about it.
      return value !== undefined && isXtext(value === '<>' ? 'x' : value) ? undefined : badValue(name);
    default:
      return unknown;
  }
}

/** `rest`: the command line after `MAIL`. */
export function parseMailCommand(rest: string, secure: boolean): MailCommand | SmtpReply {
  const parts = MAIL.exec(rest);
  if (parts === null) return fault(501, '5.5.4', 'Syntax: MAIL FROM:<address>');
  const draft: MailDraft = { reversePath: '', body: '7bit', smtpUtf8: false, requireTls: false };
  if (parts[2] !== undefined && parts[2] !== '') {
    const parameters = parseParameters(parts[2]);
    if (!(parameters instanceof Map)) return parameters;
    for (const [name, value] of parameters) {
      const refusal = mailParameter(draft, name, value, secure);
      if (refusal !== undefined) return refusal;
    }
  }
  const path = parts[1] ?? '';
  if (path === '') return draft;
  const address = parseAddress(path, draft.smtpUtf8);
  if (typeof address === 'string') return addressReply(address, true);
  draft.reversePath = address.mailbox;
  draft.domain = address.domain;
  return draft;
}

function parseNotify(value: string | undefined): Notify | undefined {
  const words = value?.toLowerCase().split(',') ?? [];
  if (words.length === 1 && words[0] === 'never') return 'never';
  const list: ('success' | 'failure' | 'delay')[] = [];
  for (const word of words) {
    if (word !== 'success' && word !== 'failure' && word !== 'delay') return undefined;
    if (list.includes(word)) return undefined;
    list.push(word);
  }
  return list.length === 0 ? undefined : list;
}

/** ORCPT of an SMTPUTF8 session may be utf-8-addr-unitext (RFC 6533); whatever it is, it hides no control octet. */
function isOrcpt(value: string | undefined): value is string {
  const parts = ORCPT.exec(value ?? '');
  if (parts === null) return false;
  const text = parts[1] ?? '';
  return isCleanXtext(text) || (/^utf-8;/i.test(value ?? '') && !/[\x00-\x20\x7f-\x9f+=]/.test(text));
}

/** `rest`: the command line after `RCPT`. */
export function parseRcptCommand(rest: string, smtpUtf8: boolean): RcptCommand | SmtpReply {
  const parts = RCPT.exec(rest);
  if (parts === null) return fault(501, '5.5.4', 'Syntax: RCPT TO:<address>');
  let notify: Notify | undefined;
  let orcpt: string | undefined;
  if (parts[2] !== undefined && parts[2] !== '') {
    const parameters = parseParameters(parts[2]);
    if (!(parameters instanceof Map)) return parameters;
    for (const [name, value] of parameters) {
      if (name === 'NOTIFY') {
        notify = parseNotify(value);
        if (notify === undefined) return badValue(name);
      } else if (name === 'ORCPT') {
        if (!isOrcpt(value)) return badValue(name);
        orcpt = value;
      } else return unknown;
    }
  }
  const path = parts[1] ?? '';
  // quirk: RFC 5321 section 4.5.1 wants <postmaster>; a relay has no mailbox of its own, so a domain must be given.
  const address = parseAddress(path, smtpUtf8);
  if (typeof address === 'string') return addressReply(address, false);
  const { mailbox, domain } = address;
  return { mailbox, domain, ...(notify !== undefined && { notify }), ...(orcpt !== undefined && { orcpt }) };
}
