// A message as `message show` and `spool dump` name its fields in JSON.
import type { Message } from '../flow/message.ts';
import type { MessageReport } from '../flow/operations.ts';
import { instantText } from './moment.ts';

/** queued: something of it waits; settled: nothing does. */
export type MessageState = 'queued' | 'settled';

export function stateOf(report: MessageReport): MessageState {
  return report.queued === undefined ? 'settled' : 'queued';
}

/** `message`: absent once its record is gone; then the outcomes tell what they know. */
export function messageFields(report: MessageReport): Readonly<Record<string, unknown>> {
  const message: Message | undefined = report.queued?.message ?? report.message;
  const state = stateOf(report);
  if (message !== undefined) {
    return {
      id: message.id,
      accepted_at: instantText(message.acceptedAt),
      user: message.user,
      tenant: message.tenant,
      stream: message.stream,
      reverse_path: message.reversePath,
      forward_paths: message.forwardPaths.map(({ mailbox }) => mailbox),
      size: message.size,
      sha256: message.sha256,
      body_sha256: message.bodySha256,
      state,
    };
  }
  const last = report.outcomes.at(-1);
  return {
    id: report.id,
    ...(last === undefined
      ? {}
      : {
          accepted_at: instantText(last.acceptedAt),
          user: last.user,
          tenant: last.tenant,
          stream: last.stream,
          reverse_path: last.reversePath,
          forward_paths: [...new Set(report.outcomes.map(({ forwardPath }) => forwardPath))],
          size: last.size,
        }),
    state,
  };
}
