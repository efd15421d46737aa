// postilion serve: one owner for the spool, the ports bound, then one process or several until a signal ends it. All
// that can be wrong is found before anything on disk is touched.
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { EXIT, type ExitCode, OperatorError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import type { Host } from '../control/control.ts';
import { createLog, type FieldLog } from '../telemetry/log.ts';
import type { Spawn } from './child.ts';
import { type DocumentSource, documentFiles } from './document-source.ts';
import { openHanded } from './handed-sockets.ts';
import { keepAlive } from './keep-alive.ts';
import { bindSocket, type ListeningSocket } from './listening-socket.ts';
import type { Documents } from './roles.ts';
import { createServiceManager, listenDescriptors, type ServiceManager } from './service-manager.ts';
import type { SingleRelay } from './single.ts';
import { refuseWithoutSources } from './source-watch.ts';
import { type SpoolLock, lockSpool } from './spool-lock.ts';
import { listenerName } from './submission-options.ts';

export interface SingleContext {
  readonly documents: Documents;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: FieldLog;
}

export interface ServeDeps {
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly spawn: Spawn;
  readonly startSingle: (context: SingleContext) => Promise<SingleRelay>;
  /** Calls back for each signal; a test's own. */
  readonly onSignal: (signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', run: () => void) => void;
  /** Mail is taken from now on. */
  readonly onRunning?: () => void;
}

/** One process or many, from here on alike. */
interface Relay extends Host {
  stop(): Promise<void>;
}

/** Resolves after an orderly stop. Throws OperatorError when it cannot start. */
export async function serve(config: Config, configDir: string, deps: ServeDeps): Promise<ExitCode> {
  const { clock, env } = deps;
  const log = createLog({
    level: config.log.level,
    fields: { process: config.processes.mode === 'split' ? 'supervisor' : 'relay', pid: process.pid },
  });
  const manager = createServiceManager({ env, pid: process.pid, clock, log });
  const source = documentFiles({ configDir, spoolDir: config.folders.spool, env });
  const documents: Documents = { config, users: source.loadUsers() };
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) deps.onSignal(signal, resolve);
  });
  // Until the relay runs there is nothing to reload: what it starts with was read just now.
  let onHangup = (): void => log.info({}, 'still starting: nothing was reloaded');
  deps.onSignal('SIGHUP', () => onHangup());
  const alive = keepAlive();
  await refuseWithoutSources(config);
  const held = await hold(config, log, deps);
  try {
    const relay = await start(documents, source, held, log, deps);
    onHangup = () => void reloadOnSignal(relay, manager, log);
    log.info({ version: deps.version, listeners: held.listeners.map(({ name }) => name) }, 'the relay is running');
    await manager.ready('running');
    deps.onRunning?.();
    await stopped;
    log.info({}, 'stopping');
    await manager.stopping();
    await relay.stop();
    log.info({}, 'stopped');
    return EXIT.ok;
  } finally {
    for (const listener of held.listeners) listener.close();
    held.lock.release();
    alive.release();
  }
}

interface Held {
  readonly lock: SpoolLock;
  readonly listeners: readonly ListeningSocket[];
}

/** A spool that exists may have an owner: asked first. One that does not is made last, once the ports are ours. */
async function hold(config: Config, log: FieldLog, { clock, env }: ServeDeps): Promise<Held> {
  const lockIt = (): Promise<SpoolLock> => lockSpool(config.folders.spool, { clock, pid: process.pid, create: true });
  let lock = existsSync(config.folders.spool) ? await lockIt() : undefined;
  const listeners: ListeningSocket[] = [];
  try {
    const handed = openHanded(listenDescriptors(env, process.pid));
    for (const listener of config.listeners) {
      const { host, port } = listener.address;
      const name = listenerName(listener);
      listeners.push(handed.take(name, host, port) ?? (await bindSocket(name, host, port)));
    }
    for (const place of handed.closeRest()) {
      log.warn(
        { socket: place },
        'the socket unit has a socket that is no listener: who connects there gets no answer',
      );
    }
    lock ??= await lockIt();
    return { lock, listeners };
  } catch (error) {
    for (const listener of listeners) listener.close();
    lock?.release();
    throw error;
  }
}

async function start(
  documents: Documents,
  source: DocumentSource,
  { lock, listeners }: Held,
  log: FieldLog,
  deps: ServeDeps,
): Promise<Relay> {
  if (documents.config.processes.mode === 'single') return startOne(documents, source, listeners, log, deps);
  const { clock, spawn, version } = deps;
  const { Supervisor } = await import('./supervisor.ts');
  const supervisor = new Supervisor({ documents, source, listeners, lockFd: lock.fd, spawn, clock, log, version });
  await supervisor.start();
  return supervisor;
}

async function startOne(
  first: Documents,
  source: DocumentSource,
  listeners: readonly ListeningSocket[],
  log: FieldLog,
  { clock, random, version, startSingle }: ServeDeps,
): Promise<Relay> {
  let documents = first;
  const startedAt = clock.now();
  const single = await startSingle({ documents, clock, random, log });
  const host: Host = {
    health: () =>
      Promise.resolve({
        ok: true,
        troubles: [],
        version,
        startedAt,
        processes: [{ name: 'all', pid: process.pid, state: 'running', restarts: 0 }],
        configuration: documents.config.number,
      }),
    reload: async () => {
      const { changes, warnings, ...loaded } = source.load(documents.config);
      single.reload(loaded.documents.config, loaded.documents.users);
      documents = loaded.documents;
      const { number } = documents.config;
      log.info({ configuration: number, changes, warnings }, 'the configuration was reloaded');
      return { configuration: number, changes, warnings };
    },
    reloadUsers: async () => {
      const users = source.loadUsers();
      single.setUsers(users);
      documents = { ...documents, users };
      return { users: users.length };
    },
  };
  const { run } = documents.config.folders;
  const { openControl } = await import('../control/control.ts');
  const control = await openControl({ run, operations: single.operations, host, clock, log });
  const servers = listeners.map((listener) => ({ listener, server: createServer() }));
  for (const { listener, server } of servers) {
    single.attach(listener.name, server);
    await listener.accept(server);
  }
  return {
    ...host,
    stop: async () => {
      for (const { server } of servers) server.close();
      for (const listener of listeners) listener.close();
      await single.stop();
      await control.close();
    },
  };
}

async function reloadOnSignal(relay: Relay, manager: ServiceManager, log: FieldLog): Promise<void> {
  await manager.reloading();
  let status = 'running';
  try {
    await relay.reload();
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    log.error({ trouble: error.message }, 'nothing was reloaded');
    // Its first line is what `systemctl status` has room for.
    status = `running; nothing was reloaded: ${error.message.split('\n', 1).join()}`;
  }
  await manager.ready(status);
}
