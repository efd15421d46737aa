// The program. Without a word for a child of ours it is the command line; `serve` among its commands is the relay. What a
// process does not need it does not load: a relay in several processes is up sooner, and each is smaller.
import { basename, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock as clock } from '../base/clock.ts';
import { systemRandom as random } from '../base/random.ts';
import { createLog } from '../telemetry/log.ts';
import { CHILD_WORD, spawnFrom } from './child.ts';
import { keepAlive } from './keep-alive.ts';
import { endWith, installLastResort, type LastResort } from './last-resort.ts';
import type { Roles } from './roles.ts';
import type { SingleContext } from './serve.ts';
import type { SingleRelay } from './single.ts';
import { freezeYoungHeap, widenYoungHeap } from './young-heap.ts';

const ROLES: Roles = {
  startSubmissionRole: async (context) => {
    widenYoungHeap();
    return (await import('./submission-role.ts')).startSubmissionRole(context);
  },
  startSchedulerRole: async (context) => {
    widenYoungHeap();
    return (await import('./scheduler-role.ts')).startSchedulerRole(context);
  },
  startEgressRole: async (context) => {
    widenYoungHeap();
    return (await import('./egress-role.ts')).startEgressRole(context);
  },
  startControlRole: async (context) => (await import('./control-role.ts')).startControlRole(context),
};

freezeYoungHeap();

// What it makes is mail, keys and sockets: nobody else's.
process.umask(0o077);

const last: LastResort = {
  log: createLog({ level: 'error', fields: { pid: process.pid } }),
  note: (line) => void process.stderr.write(line),
  exit: (code) => process.exit(code),
};
installLastResort(last);

async function startAll({ documents, log }: SingleContext): Promise<SingleRelay> {
  widenYoungHeap();
  const { startSingleOnDisk } = await import('./single.ts');
  return startSingleOnDisk(documents.config, documents.users, { clock, random, log });
}

/** As it was called: by its name, or from a source tree by the path of this file. */
function programName(): string {
  const called = process.argv[1] ?? '';
  return basename(called) === 'main.js' ? `node ${relative(process.cwd(), called)}` : 'postilion';
}

async function runProgram(args: readonly string[]): Promise<void> {
  const [{ buildProgram }, { terminalOn }, { spoolToolsLater }, { readVersion }] = await Promise.all([
    import('../cli/program.ts'),
    import('../cli/terminal.ts'),
    import('./spool-tools-later.ts'),
    import('./version.ts'),
  ]);
  const version = readVersion();
  const program = buildProgram({
    version,
    env: process.env,
    terminal: terminalOn(process),
    clock,
    random,
    spool: spoolToolsLater(async () => {
      const { createSpoolTools } = await import('./spool-tools.ts');
      return createSpoolTools({ clock, random, log: last.log, pid: process.pid });
    }),
    serve: async (config, configDir) => {
      const { serve } = await import('./serve.ts');
      return serve(config, configDir, {
        version,
        clock,
        random,
        env: process.env,
        spawn: spawnFrom(fileURLToPath(import.meta.url)),
        startSingle: startAll,
        onSignal: (signal, run) => void process.on(signal, run),
      });
    },
    trial: async (run) => {
      const { runTrial } = await import('./trial.ts');
      return runTrial(run, {
        version,
        clock,
        random,
        env: process.env,
        onSignal: (signal, stop) => void process.on(signal, stop),
        onExit: (end) => void process.on('exit', end),
        exit: (code) => process.exit(code),
      });
    },
    untilInterrupted: () =>
      new Promise((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
      }),
    programName: programName(),
  });
  // A command that only waits for its next look has nothing open that would keep the process.
  const alive = keepAlive();
  process.exitCode = await program.run(args);
  alive.release();
}

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === CHILD_WORD) {
    const { runChild } = await import('./child-main.ts');
    return runChild({ roles: ROLES, clock, random });
  }
  await runProgram(args);
  process.exit();
}

main(process.argv.slice(2)).catch((error: unknown) => endWith(error, last));
