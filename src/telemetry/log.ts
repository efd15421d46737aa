// The relay's log: one JSON line per entry on stderr, written by pino. The only file that knows pino.
// Lines are written at once: the last words before a crash are those that matter. Never on a path of each message.
import { pino } from 'pino';
import type { Fields, Log } from '../base/log.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A log whose every line carries the fields it was made with. */
export interface FieldLog extends Log {
  /** The same log with more fields in every line. */
  child(fields: Fields): FieldLog;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** In every line: process, pid. */
  readonly fields?: Fields;
  /** Takes each line with its line feed; stderr unless told. */
  readonly write?: (line: string) => void;
}

export function createLog(options: LogOptions): FieldLog {
  const settings = {
    level: options.level,
    base: options.fields ?? {},
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: describeError },
  };
  const { write } = options;
  if (write !== undefined) return wrap(pino(settings, { write }));
  return wrap(pino(settings, pino.destination({ dest: 2, sync: true })));
}

interface Pino {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Pino;
}

function wrap(log: Pino): FieldLog {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    child: (fields) => wrap(log.child(fields)),
  };
}

/** Depth of `cause` that a line tells: an error that is its own cause must not end the log. */
const CAUSES_MAX = 5;

function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause } = error;
  const code = (error as { code?: unknown }).code;
  return {
    name,
    message,
    ...(code === undefined ? {} : { code }),
    ...(stack === undefined ? {} : { stack }),
    ...(cause === undefined || depth >= CAUSES_MAX ? {} : { cause: describeError(cause, depth + 1) }),
  };
}
