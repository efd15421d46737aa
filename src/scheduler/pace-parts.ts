// Joins what makes lanes follow the replies: their paces, what is suspended, what is held back for it, and the module
// that carries out what the rules say.
import type { PaceLimits } from '../policy/pace.ts';
import type { Budgets } from './budgets.ts';
import { Consequences, type ConsequencesDeps } from './consequences.ts';
import type { Destinations } from './destinations.ts';
import type { Granting } from './granting.ts';
import { HeldBack } from './held-back.ts';
import type { Lane } from './lane.ts';
import { LaneDesk, type LaneDeskDeps } from './lane-desk.ts';
import { LaneGate } from './lane-gate.ts';
import { LeftOut } from './left-out.ts';
import { perMinuteOf } from './options.ts';
import { Paces, type PacesDeps } from './paces.ts';
import type { Queues } from './queues.ts';
import type { Settings } from './settings.ts';
import { Suspensions, type SuspensionsDeps } from './suspensions.ts';

export interface PaceParts {
  readonly paces: Paces;
  readonly suspensions: Suspensions;
  readonly leftOut: LeftOut;
  readonly gate: LaneGate;
  readonly heldBack: HeldBack;
}

export type PacePartsDeps = Omit<PacesDeps, 'limitsOf' | 'onChange'> &
  Omit<SuspensionsDeps, 'onOpen'> & {
    readonly settings: Settings;
    readonly budgets: Budgets;
    /** These are made later. */
    readonly consequences: () => Consequences;
    readonly granting: () => Granting;
    readonly queues: () => Queues;
  };

export function assemblePace(deps: PacePartsDeps): PaceParts {
  const { granting, queues, consequences, recorder } = deps;
  const paces = new Paces({
    ...deps,
    limitsOf: (lane) => limitsOf(lane, deps),
    onChange: (lane, isLess) => {
      if (isLess) consequences().slow(lane);
      granting().dirty(lane.destination);
      recorder.request();
    },
  });
  const suspensions: Suspensions = new Suspensions({
    ...deps,
    onOpen: ({ what, name }) => {
      if (what === 'sending-domain+provider') heldBack.free(name);
      if (what === 'campaign') queues().unpark();
      granting().dirtyAll();
      recorder.request();
    },
  });
  const heldBack = new HeldBack({
    suspensions,
    onFree: (queue, dues) => {
      for (const due of dues) queues().offer(queue.name, due);
      queues().unpark();
    },
  });
  const leftOut = new LeftOut({
    ...deps,
    onEnd: () => {
      granting().dirtyAll();
      recorder.request();
    },
  });
  return { paces, suspensions, leftOut, gate: new LaneGate({ ...deps, suspensions, leftOut }), heldBack };
}

/** What replies bring about, and what an operator may do about it. */
export function assembleConsequences(
  deps: ConsequencesDeps & Omit<LaneDeskDeps, 'consequences'> & { readonly destinations: Destinations },
): { readonly consequences: Consequences; readonly lanes: LaneDesk } {
  const consequences = new Consequences(deps);
  return { consequences, lanes: new LaneDesk({ ...deps, consequences }) };
}

/** The caps in force are the ceiling; where nothing else is said they are the start too. */
function limitsOf(
  { group, destination: { provider, caps } }: Lane,
  { settings, budgets }: Pick<PacePartsDeps, 'settings' | 'budgets'>,
): PaceLimits {
  const { connections = caps.connections, rate } =
    (provider === undefined ? undefined : settings.provider(provider)?.start) ?? {};
  const most = (caps.rates ?? []).map(perMinuteOf);
  const ceiling = { connections: caps.connections, ...(most.length > 0 && { perMinute: Math.min(...most) }) };
  const start = { connections, ...(rate !== undefined && { perMinute: perMinuteOf(rate) }) };
  return { start, ceiling, isWarm: !budgets.isWarming(group.source, group.provider) };
}
