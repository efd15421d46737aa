// postilion check: says everything that is wrong with the configuration, and changes nothing.
import { EXIT } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { type Problem, problemText } from '../config/problem.ts';
import { loadUsers, type Users } from '../config/users.ts';
import { missingSources } from '../net/own-address.ts';
import type { Command } from './command.ts';

export const check: Command = {
  words: ['check'],
  summary: 'Say everything that is wrong with the configuration',
  details:
    'Reads the files, their secrets and certificates, and spool/users.yaml. Nothing is changed, and no relay need run. With --strict a warning is a problem too, and so is a source whose address is not on this host (a relay starts without it and looks for it every 10 s). Exit code 0: all is right; 78: it is not.',
  options: [{ flags: '--strict', doc: 'warnings count, and addresses of sources must be on this host' }],
  examples: [
    ['postilion check', 'one line for each problem: file:line:column: setting: what is wrong'],
    ['postilion check && postilion reload', 'take it over if it is right'],
    ['postilion check --strict', 'before a relay goes into service'],
  ],
  async run({ deps, configDir, json, options }) {
    const loaded = loadConfig({ configDir, env: deps.env });
    const config = 'ok' in loaded ? loaded.ok : undefined;
    const users = config === undefined ? { users: [] } : loadUsers(config.folders.spool);
    const problems: readonly Problem[] = [
      ...('problems' in loaded ? loaded.problems : []),
      ...('problems' in users ? users.problems : []),
    ];
    const warnings = [
      ...('warnings' in loaded ? loaded.warnings : []),
      ...(config !== undefined && 'users' in users ? withoutPassword(config, users.users) : []),
      ...(config === undefined ? [] : await withoutAddress(config)),
    ];
    const wrong = problems.length + (options['strict'] === true ? warnings.length : 0);
    if (json) await deps.terminal.out(`${JSON.stringify({ ok: wrong === 0, problems, warnings })}\n`);
    else {
      for (const problem of problems) await deps.terminal.out(`${problemText(problem)}\n`);
      for (const warning of warnings) await deps.terminal.out(`warning: ${warning}\n`);
      await deps.terminal.out(verdict(wrong, configDir));
    }
    return wrong === 0 ? EXIT.ok : EXIT.configuration;
  },
};

function verdict(problems: number, configDir: string): string {
  if (problems === 0) return `${configDir}: all is right\n`;
  return `${configDir}: ${problems === 1 ? '1 problem' : `${problems} problems`}\n`;
}

/** Rights without a password are right for a trusted network, and a slip otherwise. */
function withoutPassword(config: Config, users: Users): readonly string[] {
  const known = new Set([...users.map(({ name }) => name), ...config.trustedNetworks.map(({ user }) => user)]);
  return Object.keys(config.users)
    .filter((name) => !known.has(name))
    .map((name) => `users.${name} has rights but no password: postilion user add ${name}`);
}

/** A relay starts without them, and uses them once they are there. */
async function withoutAddress({ sources }: Config): Promise<readonly string[]> {
  const missing = await missingSources(sources);
  return missing.map((name) => `sources.${name}: its address ${sources[name]?.address} is not on this host`);
}
