// Where the relay of this configuration keeps its files, for commands that talk to it or look at its spool.
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Config, Folders } from '../config/config.ts';
import { findFolders, loadConfig } from '../config/load.ts';
import { problemText } from '../config/problem.ts';
import type { Call } from './command.ts';

/** Works while a file is half edited. Throws OperatorError (78) when there is no configuration at all. */
export function getFolders(call: Call): Folders {
  const folders = findFolders(call.configDir);
  if (folders !== undefined) return folders;
  throw new OperatorError(
    `${call.configDir} has no postilion.yaml; name the folder with --config or POSTILION_CONFIG`,
    EXIT.configuration,
  );
}

/** Throws OperatorError (78) with every problem, one a line. Warnings go to the terminal. */
export async function getConfig(call: Call): Promise<Config> {
  const loaded = loadConfig({ configDir: call.configDir, env: call.deps.env });
  if ('problems' in loaded) throw new OperatorError(loaded.problems.map(problemText).join('\n'), EXIT.configuration);
  for (const warning of loaded.warnings) await call.deps.terminal.note(`warning: ${warning}\n`);
  return loaded.ok;
}
