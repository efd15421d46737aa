// Where mail is moved to, or that a move is to be ended.
import { EXIT, OperatorError } from '../base/errors.ts';
import { type Call, type Option, optionText } from './command.ts';

export const MOVE_OPTIONS: readonly Option[] = [
  { flags: '--to <pool>', doc: 'pool to send it from' },
  { flags: '--back', doc: 'ends the move' },
];

/** undefined: back. Throws OperatorError (64). */
export function poolOf(call: Call): string | undefined {
  const pool = optionText(call, 'to');
  if ((pool === undefined) === (call.options['back'] !== true)) {
    throw new OperatorError('say --to POOL, or --back', EXIT.usage);
  }
  return pool;
}

export function movedText(mark: string, pool: string | undefined): string {
  return pool === undefined ? `${mark}: goes by its own pool again\n` : `${mark}: goes by the pool ${pool}\n`;
}
