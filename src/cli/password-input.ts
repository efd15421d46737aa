// Where a password comes from: asked twice on a terminal, read from the input otherwise, or made.
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { PASSWORD_OCTETS_MAX, passwordTrouble } from '../config/password.ts';
import type { Terminal } from './terminal.ts';

/** Easy to type and to read aloud: no letters that look alike. 5 bits each. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';
const LETTERS = 24;

/** Throws OperatorError: two different ones (1), unfit (64). */
export async function readPassword(terminal: Terminal, name: string): Promise<string> {
  const password = terminal.canAsk
    ? await askTwice(terminal, name)
    : (await terminal.readAll(PASSWORD_OCTETS_MAX + 2)).replace(/\r?\n$/, '');
  const trouble = passwordTrouble(password);
  if (trouble !== undefined) throw new OperatorError(trouble, EXIT.usage);
  return password;
}

async function askTwice(terminal: Terminal, name: string): Promise<string> {
  const first = await terminal.askSecret(`Password of ${name}: `);
  const second = await terminal.askSecret('Again: ');
  if (first !== second) throw new OperatorError('the two are not the same; nothing was changed', EXIT.no);
  return first;
}

/** 120 bits that cannot be guessed. */
export function makePassword(random: Random): string {
  return [...random.bytes(LETTERS)].map((octet) => ALPHABET[octet % ALPHABET.length]).join('');
}
