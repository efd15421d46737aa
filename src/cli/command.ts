// What a command of the program is, and what it is given. One file per command; src/cli/program.ts joins them.
import type { Clock } from '../base/clock.ts';
import type { ExitCode } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import type { SpoolTools } from './spool-tools.ts';
import type { Terminal } from './terminal.ts';
import type { TrialRun } from '../trial/event.ts';

/** What the program is made of; src/app/main.ts passes it, tests pass stand-ins. */
export interface CliDeps {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly random: Random;
  readonly spool: SpoolTools;
  /** Runs the relay until it is stopped. `configDir` as given, for reloads. Throws OperatorError. */
  serve(config: Config, configDir: string): Promise<ExitCode>;
  /** Runs a relay with a world of its own until it is stopped. Throws OperatorError. */
  trial(run: TrialRun): Promise<ExitCode>;
  /** Resolves when the person, or who runs the program, wants an end (Ctrl-C). From the call on nothing else ends it. */
  untilInterrupted(): Promise<void>;
  /** How a person calls this program: `postilion`, or a path. */
  readonly programName: string;
}

export interface Call {
  readonly deps: CliDeps;
  /** As given, or from POSTILION_CONFIG, or `config`. */
  readonly configDir: string;
  /** Print JSON, for programs. */
  readonly json: boolean;
  /** Arguments by name. */
  readonly args: Readonly<Record<string, string | undefined>>;
  /** Options by long name without dashes. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

export interface Argument {
  readonly name: string;
  readonly doc: string;
  readonly optional?: true;
}

export interface Option {
  /** `--domains <n>`: takes a value; `--generate`: does not. */
  readonly flags: string;
  readonly doc: string;
  /** Commas stand between its values, or it is given several times. Every other one is given once. */
  readonly isList?: true;
}

export interface Command {
  /** `['queue', 'pause']` is `postilion queue pause`. */
  readonly words: readonly [string] | readonly [string, string];
  readonly summary: string;
  readonly details?: string;
  readonly args?: readonly Argument[];
  readonly options?: readonly Option[];
  /** Each a command line and what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** Prints and tells the exit code. Throws OperatorError for what people can mend. */
  run(call: Call): Promise<ExitCode>;
}

/** An argument that commander has already seen to be there. */
export function given(call: Call, name: string): string {
  const value = call.args[name];
  if (value === undefined) throw new TypeError(`${name} is not an argument of this command`);
  return value;
}

/** The value of an option that takes one. */
export function optionText(call: Call, name: string): string | undefined {
  const value = call.options[name];
  return typeof value === 'string' ? value : undefined;
}
