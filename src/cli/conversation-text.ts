// What was said on the connection of an attempt, for a person: who said what, and when. Pure.
import type { OutcomeEvent } from '../flow/event.ts';
import { instantText } from './moment.ts';
import { printable } from './table.ts';

/** `12 C: MAIL FROM:<a@example.com>`, as src/flow/attempt.ts says. */
const LINE = /^(\d+) ([CS*]): (.*)$/s;
const WHO: Readonly<Record<string, string>> = { C: '>', S: '<', '*': '*' };
const MS_WIDTH = 7;

/** '' when nothing was kept of what was said. */
export function conversationText({ at, remote, source, conversation, outcome, forwardPath }: OutcomeEvent): string {
  if (conversation === undefined) return '';
  const whom = remote === undefined ? '' : ` with ${remote.host} [${remote.address}]:${remote.port}`;
  const from = source === undefined ? '' : ` from ${source}`;
  const head = `conversation${whom}${from}, ${instantText(at)}: ${forwardPath} ${outcome}`;
  const lines = conversation.map((line) => {
    const [, ms = '', who = '', text = line] = LINE.exec(line) ?? [];
    return `${(ms === '' ? '' : `${ms} ms`).padStart(MS_WIDTH + 3)}  ${WHO[who] ?? ' '} ${printable(text)}\n`;
  });
  return `${printable(head)}\n${lines.join('')}`;
}
