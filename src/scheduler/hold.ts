// What holds mail of a name, whatever its lanes may do: an operator's mark, or a name that the configuration does not have.
import type { RouteRule } from '../flow/route.ts';
import type { QueueName } from '../flow/spool.ts';
import type { Wait } from '../flow/wait.ts';
import type { Marks } from './marks.ts';
import type { Settings } from './settings.ts';

export interface HoldDeps {
  readonly marks: Marks;
  readonly settings: Settings;
}

type Hold = Extract<Wait, { for: 'resume' | 'name' }>;

export function holdOf({ marks, settings }: HoldDeps, name: QueueName, rule: RouteRule): Hold | undefined {
  const mark = marks.any ? marks.pauseOf(name, settings.poolOf(name, rule), rule.name) : undefined;
  if (mark !== undefined) {
    const why = marks.whyPaused(mark);
    return { for: 'resume', mark, ...(why !== undefined && { why }) };
  }
  const unknown = settings.unknownName(name, rule);
  return unknown === undefined ? undefined : { for: 'name', name: unknown };
}
