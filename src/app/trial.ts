// postilion trial: the real relay in one process with a world of its own on loopback. Whatever ends it, but a kill
// that nobody can catch, its folder and its runtime file are gone afterwards.
import { createServer } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { EXIT, type ExitCode, InvariantError, OperatorError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { problemText } from '../config/problem.ts';
import type { Spool } from '../flow/spool.ts';
import { openDiskSpool } from '../spool/disk-spool.ts';
import { type Disk, realDisk } from '../spool/disk.ts';
import { makeFolders } from '../spool/layout.ts';
import { acceptedEvent, type TrialEvent, type TrialRun } from '../trial/event.ts';
import {
  furnish,
  makePlace,
  type Place,
  removePlace,
  RETRY_DELAYS_MS,
  TRIAL_SOURCES,
  TRIAL_USER,
} from '../trial/place.ts';
import { announce, withdraw } from '../trial/running.ts';
import { startWorld } from '../trial/world.ts';
import { serve } from './serve.ts';
import { startSingle } from './single.ts';

export interface TrialDeps {
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onSignal: (signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', run: () => void) => void;
  /** Runs at the very end of the process, whatever ends it. */
  readonly onExit: (run: () => void) => void;
  readonly exit: (code: ExitCode) => void;
}

const HOST = '127.0.0.1';
const PORT_PREFERRED = 2525;
const PORTS_NEXT = 20;
/** Reserve and segments of a spool scale with its disk: 8 MiB of ballast here, 20 MiB a segment. */
const DISK_OCTETS_MAX = 320 * 1024 * 1024;

/** Resolves after an orderly stop. Throws OperatorError when it cannot start. */
export async function runTrial(run: TrialRun, deps: TrialDeps): Promise<ExitCode> {
  const { clock, env } = deps;
  const stop = stopOnSignal(deps);
  const place = makePlace();
  let announced: string | undefined;
  const leaveNothing = (): void => {
    if (announced !== undefined) withdraw(env, announced);
    removePlace(place.root);
  };
  deps.onExit(leaveNothing);
  try {
    const world = await startWorld(clock, (delivery) => {
      run.onEvent({ type: 'received', at: clock.now(), ...delivery });
    });
    try {
      const port = await choosePort(run.port);
      const ports = { port, mailPort: world.mailPort, dnsPort: world.dnsPort };
      await furnish(place, ports, run.password);
      const access = { pid: process.pid, host: HOST, port, user: TRIAL_USER, password: run.password };
      return await serveIt(place, run, stop, deps, () => {
        announced = announce(env, { ...access, root: place.root, startedAt: clock.now() });
        const { config } = place;
        const sending = { sources: TRIAL_SOURCES, retryDelaysMs: RETRY_DELAYS_MS };
        run.onStart({ type: 'trial', version: deps.version, ...access, ...ports, config, ...sending });
      });
    } finally {
      await world.close();
    }
  } finally {
    leaveNothing();
  }
}

interface Stop {
  run: () => void;
}

/** Ctrl-C reaches npm too, which passes it on: so soon after the first it is the same. */
const SAME_SIGNAL_MS = 1000;

/** The first signal stops in order, once there is something to stop; the second ends the process at once. */
function stopOnSignal({ onSignal, exit, clock }: TrialDeps): Stop {
  const stop: Stop = { run: () => exit(EXIT.ok) };
  let askedAt: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    onSignal(signal, () => {
      const now = clock.monotonic();
      if (askedAt === undefined) {
        askedAt = now;
        stop.run();
      } else if (now - askedAt > SAME_SIGNAL_MS) exit(EXIT.no);
    });
  }
  return stop;
}

function serveIt(
  place: Place,
  { onEvent }: TrialRun,
  stop: Stop,
  { version, clock, random }: TrialDeps,
  onRunning: () => void,
): Promise<ExitCode> {
  return serve(configOf(place), place.config, {
    version,
    clock,
    random,
    env: {},
    spawn: () => {
      throw new InvariantError('a trial is one process');
    },
    startSingle: async ({ documents: { config, users }, log }) => {
      const root = config.folders.spool;
      const disk = small(realDisk(root));
      await makeFolders(disk);
      const opened = openDiskSpool({ root, historyMs: config.historyMs }, { clock, random, log, disk });
      return startSingle(config, users, { clock, random, log, disk, spool: watched(opened, onEvent) });
    },
    onSignal: (signal, run) => {
      if (signal === 'SIGTERM') stop.run = run;
    },
    onRunning,
  });
}

function configOf({ config }: Place): Config {
  const loaded = loadConfig({ configDir: config, env: {} });
  if ('ok' in loaded) return loaded.ok;
  throw new InvariantError(loaded.problems.map(problemText).join('\n'));
}

/** A trial must not take the room for itself that a real spool keeps free on a large disk. */
function small(disk: Disk): Disk {
  return {
    ...disk,
    space: () => {
      const whole = disk.space();
      return { ...whole, octets: Math.min(whole.octets, DISK_OCTETS_MAX) };
    },
  };
}

/** The same spool, with a word for each message that enters it and each event that is written. */
function watched(spool: Spool, tell: (event: TrialEvent) => void): Spool {
  const accept = spool.accept.bind(spool);
  const record = spool.record.bind(spool);
  return Object.assign(spool, {
    accept: (accepted: Parameters<Spool['accept']>[0]) => {
      accept(accepted);
      tell(acceptedEvent(accepted.message));
    },
    record: (events: Parameters<Spool['record']>[0]) => {
      const kept = record(events);
      for (const [at, event] of events.entries()) if (kept[at] === true) tell(event);
      return kept;
    },
  });
}

/** Throws OperatorError (71) when the port that was asked for is taken: the relay itself says so. */
async function choosePort(wanted: number | undefined): Promise<number> {
  if (wanted !== undefined && wanted !== 0) return wanted;
  if (wanted === undefined) {
    for (let port = PORT_PREFERRED; port <= PORT_PREFERRED + PORTS_NEXT; port++) {
      if ((await tryPort(port)) !== undefined) return port;
    }
  }
  const port = await tryPort(0);
  if (port === undefined) throw new OperatorError(`no port of ${HOST} is free`, EXIT.portInUse);
  return port;
}

/** The port, when it is free now. */
function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, HOST, () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === 'object' ? bound?.port : undefined));
    });
  });
}
