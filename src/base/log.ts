// What the rest of the program knows of logging. src/telemetry/log.ts implements it with pino; tests pass `silentLog`.

export type Fields = Readonly<Record<string, unknown>>;

/** `message` is a constant sentence; what varies stands in `fields`, so that nothing from a peer shapes a line. */
export interface Log {
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
}

const nothing = (): void => {};
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
