// What the service manager is told (sd_notify(3)): ready, reloading, stopping, alive. Node has no Unix datagram sockets,
// so `systemd-notify` speaks for us (NotifyAccess=all). Without NOTIFY_SOCKET nothing is ever spawned. Also reads what
// the manager hands over: listening sockets (sd_listen_fds(3)) and the watchdog's period (sd_watchdog_enabled(3)).
import { execFile } from 'node:child_process';
import { type Clock, hostMonotonicMicros, type Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';

export interface ServiceManager {
  /** Resolves once the manager has been told, or at once when there is none. Never rejects. */
  ready(status: string): Promise<void>;
  reloading(): Promise<void>;
  /** Ends the watchdog's signs of life too: a stop has its own time-out. */
  stopping(): Promise<void>;
  status(text: string): Promise<void>;
}

export interface ServiceManagerDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Runs `systemd-notify`; injected by tests. */
  readonly notify?: (assignments: readonly string[]) => Promise<void>;
  /** Asked before each sign of life: while it says no, the manager hears nothing and restarts us. */
  readonly alive?: () => boolean;
}

function spawnNotify(assignments: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('systemd-notify', [...assignments], { timeout: 5000 }, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

/** Half the watchdog's period in ms, as sd_watchdog_enabled(3) advises; undefined without one. */
export function watchdogPeriodMs(env: ServiceManagerDeps['env'], pid: number): number | undefined {
  const micros = Number(env['WATCHDOG_USEC']);
  if (!Number.isFinite(micros) || micros <= 0) return undefined;
  const forPid = env['WATCHDOG_PID'];
  if (forPid !== undefined && Number(forPid) !== pid) return undefined;
  return micros / 2000;
}

/** Descriptors handed over, by the name of their socket unit (FileDescriptorName=), in order. */
export function listenDescriptors(
  env: ServiceManagerDeps['env'],
  pid: number,
): readonly { readonly fd: number; readonly name: string }[] {
  if (Number(env['LISTEN_PID']) !== pid) return [];
  const count = Number(env['LISTEN_FDS']);
  if (!Number.isInteger(count) || count <= 0) return [];
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  const FIRST = 3; // SD_LISTEN_FDS_START
  return Array.from({ length: count }, (_, at) => ({ fd: FIRST + at, name: names[at] ?? '' }));
}

const NOBODY: ServiceManager = {
  ready: () => Promise.resolve(),
  reloading: () => Promise.resolve(),
  stopping: () => Promise.resolve(),
  status: () => Promise.resolve(),
};

export function createServiceManager(deps: ServiceManagerDeps): ServiceManager {
  if (deps.env['NOTIFY_SOCKET'] === undefined) return NOBODY;
  const notify = deps.notify ?? spawnNotify;
  let told = Promise.resolve();
  let failed = false;
  // One after the other: a READY must not overtake a RELOADING.
  const tell = (...assignments: string[]): Promise<void> => {
    told = told
      .then(() => notify(assignments))
      .catch((error: unknown) => {
        if (!failed) deps.log.warn({ error: String(error) }, 'systemd-notify failed: the service manager is not told');
        failed = true;
      });
    return told;
  };

  let timer: Timer | undefined;
  const period = watchdogPeriodMs(deps.env, deps.pid);
  // Each sign is a process: while one is on its way another would only wait behind it.
  let beating = false;
  const sign = async (): Promise<void> => {
    beating = true;
    await tell('WATCHDOG=1');
    beating = false;
  };
  const beat = (): void => {
    if (period === undefined) return;
    if (!beating && (deps.alive?.() ?? true)) void sign();
    timer = deps.clock.after(period, beat);
  };
  return {
    ready(status) {
      if (timer === undefined && period !== undefined) timer = deps.clock.after(period, beat);
      return tell('READY=1', `STATUS=${status}`, `MAINPID=${deps.pid}`);
    },
    // Type=notify-reload tells this reload from one before by the instant.
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${hostMonotonicMicros()}`),
    stopping() {
      timer?.cancel();
      return tell('STOPPING=1');
    },
    status: (text) => tell(`STATUS=${text}`),
  };
}
