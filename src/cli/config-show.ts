// postilion config show: what is in force, from the files or by default, as one table.
import { EXIT } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { type EffectiveSetting, effectiveSettings } from '../config/effective.ts';
import type { Command } from './command.ts';
import { getConfig } from './folders.ts';
import { countedText } from './progress.ts';
import { type Column, tableText } from './table.ts';

export const configShow: Command = {
  words: ['config', 'show'],
  summary: 'Print the settings that the files put in force',
  details:
    'Folders, host name and listeners, and whatever differs from its default. `postilion serve` prints the same before it opens a port. Secrets are not shown.',
  options: [{ flags: '--all', doc: 'those that have their default too' }],
  examples: [
    ['postilion config show', 'what was changed'],
    ['postilion config show --all | grep limits', 'a group of settings'],
    ['postilion config show --all --json', 'for a program'],
  ],
  async run(call) {
    const config = await getConfig(call);
    const all = call.options['all'] === true;
    const settings = effectiveSettings(config).filter((one) => all || isTold(one));
    const { terminal } = call.deps;
    await terminal.out(
      call.json ? `${JSON.stringify({ settings: settings.map(jsonOf) })}\n` : tableText(COLUMNS, settings),
    );
    return EXIT.ok;
  },
};

function jsonOf({ setting, value, isDefault }: EffectiveSetting): object {
  return { setting, value, is_default: isDefault };
}

/** The same table, with a line for what it leaves out. */
export function settingsText(config: Config): string {
  const all = effectiveSettings(config);
  const told = all.filter(isTold);
  return `${tableText(COLUMNS, told)}${countedText(all.length - told.length, 'more has its', 'more have their')} default: postilion config show --all\n`;
}

/** What an operator looks for first is told even where it is the default. */
function isTold({ setting, isDefault }: EffectiveSetting): boolean {
  return !isDefault || /^(?:hostname|listeners|processes\.mode)\b/.test(setting);
}

const COLUMNS: readonly Column<EffectiveSetting>[] = [
  { title: 'setting', of: ({ setting }) => setting },
  { title: 'value', of: ({ value }) => value },
];
