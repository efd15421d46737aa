// A header section, read on its octets: which fields it has, which of them speak to the relay, and what stays when
// those are taken out. One pass, nothing decoded but the values asked for. RFC 5322 sections 2.2 and 3.6.
import type { Domain } from '../flow/message.ts';
import { fromMailboxDomain } from './from-mailbox.ts';

export interface HeaderSection {
  /** Pieces of the section in order, control fields left out. */
  readonly kept: readonly Buffer[];
  /** Values of control fields, unfolded and trimmed, by the key that `control` gave for the name. */
  readonly control: ReadonlyMap<string, string>;
  readonly received: number;
  readonly hasDate: boolean;
  readonly hasMessageId: boolean;
  readonly hasFeedbackId: boolean;
  readonly fromFields: number;
  /** Of the only mailbox of the only From. */
  readonly fromDomain?: Domain;
}

export type HeaderFault =
  /** Neither a field nor a continuation; `line` counts from 1. */
  | { readonly fault: 'not-a-field'; readonly line: number }
  /** A control field given twice. */
  | { readonly fault: 'control-twice'; readonly name: string };

const LF = 10;
const COLON = 58;
const NAME_OCTETS_MAX = 256;

/** Index of the colon of a field that begins at `at`, or -1. White space before it is obsolete syntax, not an error. */
function findColon(section: Buffer, at: number): number {
  const end = Math.min(section.length, at + NAME_OCTETS_MAX);
  let i = at;
  while (i < end && (section[i] ?? 0) > 32 && (section[i] ?? 0) < 127 && section[i] !== COLON) i++;
  if (i === at) return -1;
  while (i < end && (section[i] === 32 || section[i] === 9)) i++;
  return section[i] === COLON ? i : -1;
}

/** True when the content begins with a field, so that it has a header section of its own. */
export function beginsWithField(content: Buffer): boolean {
  return findColon(content, 0) !== -1;
}

/** Index after the field whose first line begins at `at`: the next line that is no continuation. */
function fieldEnd(section: Buffer, at: number): number {
  let end = at;
  do {
    const lf = section.indexOf(LF, end);
    end = lf === -1 ? section.length : lf + 1;
  } while (section[end] === 32 || section[end] === 9);
  return end;
}

function linesBefore(section: Buffer, at: number): number {
  let lines = 0;
  for (let lf = section.indexOf(LF); lf !== -1 && lf < at; lf = section.indexOf(LF, lf + 1)) lines++;
  return lines;
}

function unfold(section: Buffer, from: number, to: number): string {
  return section.toString('utf8', from, to).replace(/\r\n/g, '').trim();
}

/** `section`: whole lines with their CRLF, without the empty line. `control`: lower-case field name → key. */
export function readHeaderSection(section: Buffer, control: ReadonlyMap<string, string>): HeaderSection | HeaderFault {
  const kept: Buffer[] = [];
  const values = new Map<string, string>();
  const seen = new Set<string>();
  let received = 0;
  let hasDate = false;
  let hasMessageId = false;
  let hasFeedbackId = false;
  let fromFields = 0;
  let fromDomain: Domain | undefined;
  let keptFrom = 0;
  let at = 0;
  while (at < section.length) {
    const colon = findColon(section, at);
    if (colon === -1) return { fault: 'not-a-field', line: linesBefore(section, at) + 1 };
    const end = fieldEnd(section, at);
    const name = section.toString('latin1', at, colon).trimEnd().toLowerCase();
    const key = control.get(name);
    if (key !== undefined) {
      if (seen.has(name)) return { fault: 'control-twice', name };
      seen.add(name);
      if (!values.has(key)) values.set(key, unfold(section, colon + 1, end));
      if (at > keptFrom) kept.push(section.subarray(keptFrom, at));
      keptFrom = end;
    } else if (name === 'received') received++;
    else if (name === 'date') hasDate = true;
    else if (name === 'message-id') hasMessageId = true;
    else if (name === 'feedback-id') hasFeedbackId = true;
    else if (name === 'from') {
      fromFields++;
      fromDomain = fromFields === 1 ? fromMailboxDomain(unfold(section, colon + 1, end)) : undefined;
    }
    at = end;
  }
  if (keptFrom < section.length) kept.push(section.subarray(keptFrom));
  return {
    kept,
    control: values,
    received,
    hasDate,
    hasMessageId,
    hasFeedbackId,
    fromFields,
    ...(fromDomain !== undefined && { fromDomain }),
  };
}
