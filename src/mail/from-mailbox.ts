// The domain of a From field's only mailbox: enough for a policy on domains, in one pass over the value whatever it
// holds (nested comments, quotes, groups). RFC 5322 section 3.4.
import type { Domain } from '../flow/message.ts';
import { parseDomain } from './domain.ts';

/** What stands outside comments and quotes, in two parts: before and inside the angle brackets. */
interface Reading {
  bare: string;
  angle: string | undefined;
}

/** Index after the comment or quoted string that begins at `at`; the length when it does not end. */
function skip(value: string, at: number): number {
  if (value[at] === '"') {
    for (let i = at + 1; i < value.length; i++) {
      if (value[i] === '\\') i++;
      else if (value[i] === '"') return i + 1;
    }
    return value.length;
  }
  let depth = 0;
  for (let i = at; i < value.length; i++) {
    const character = value[i];
    if (character === '\\') i++;
    else if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return i + 1;
  }
  return value.length;
}

/** undefined: several mailboxes, a group, or brackets that do not match. */
function read(value: string): Reading | undefined {
  const reading: Reading = { bare: '', angle: undefined };
  let inAngle = false;
  let i = 0;
  while (i < value.length) {
    const character = value[i] ?? '';
    if (character === '"' || character === '(') {
      const end = skip(value, i);
      // A quoted local part must stay visible as something before the `@`.
      const kept = character === '"' ? 'q' : '';
      if (inAngle) reading.angle += kept;
      else reading.bare += kept;
      i = end;
      continue;
    }
    if (character === '<') {
      if (reading.angle !== undefined) return undefined;
      reading.angle = '';
      inAngle = true;
    } else if (character === '>') {
      if (!inAngle) return undefined;
      inAngle = false;
    } else if (inAngle) reading.angle += character;
    else if (character === ',' || character === ';' || character === ':') return undefined;
    else reading.bare += character;
    i++;
  }
  return inAngle ? undefined : reading;
}

/** `value`: the field's value, unfolded or not. */
export function fromMailboxDomain(value: string): Domain | undefined {
  const reading = read(value);
  if (reading === undefined) return undefined;
  const address = (reading.angle ?? reading.bare).replace(/[ \t\r\n]+/g, '');
  const at = address.lastIndexOf('@');
  if (at < 1 || address.indexOf('@') !== at) return undefined;
  return parseDomain(address.slice(at + 1));
}
