// The message id that a command is given, as people copy it from a log or a reply.
import { EXIT, OperatorError } from '../base/errors.ts';
import { parseMessageId } from '../flow/message-id.ts';
import type { MessageId } from '../flow/message.ts';
import { type Argument, type Call, given } from './command.ts';

export const ID_ARGUMENT: readonly Argument[] = [{ name: 'id', doc: 'message id, as in the reply to the final dot' }];

/** Throws OperatorError (64). */
export function idOf(call: Call): MessageId {
  const text = given(call, 'id');
  const id = parseMessageId(text.trim());
  if (id !== undefined) return id;
  throw new OperatorError(`'${text.slice(0, 40)}' is no message id: 26 letters and digits`, EXIT.usage);
}
