// The program's command line: commands, options, help, exit codes. The only importer of commander.
import { Command as Commander, CommanderError } from 'commander';
import { EXIT, type ExitCode, OperatorError } from '../base/errors.ts';
import { campaignCancel } from './campaign-cancel.ts';
import { campaignList } from './campaign-list.ts';
import { campaignMove } from './campaign-move.ts';
import { campaignPause } from './campaign-pause.ts';
import { campaignResume } from './campaign-resume.ts';
import { check } from './check.ts';
import { classify } from './classify.ts';
import type { Call, CliDeps, Command, Option } from './command.ts';
import { configDescribe } from './config-describe.ts';
import { configShow } from './config-show.ts';
import { domainAdd } from './domain-add.ts';
import { domainList } from './domain-list.ts';
import { domainRemove } from './domain-remove.ts';
import { domainRotate } from './domain-rotate.ts';
import { domainShow } from './domain-show.ts';
import { laneHistory } from './lane-history.ts';
import { laneList } from './lane-list.ts';
import { lanePause } from './lane-pause.ts';
import { lanePin } from './lane-pin.ts';
import { laneRelease } from './lane-release.ts';
import { laneResume } from './lane-resume.ts';
import { laneShow } from './lane-show.ts';
import { explain } from './explain.ts';
import { messageCancel } from './message-cancel.ts';
import { messageRetry } from './message-retry.ts';
import { messageShow } from './message-show.ts';
import { queueMove } from './queue-move.ts';
import { queuePause } from './queue-pause.ts';
import { queueResume } from './queue-resume.ts';
import { queueRetry } from './queue-retry.ts';
import { queue } from './queue.ts';
import { reload } from './reload.ts';
import { rulesLint } from './rules-lint.ts';
import { rulesList } from './rules-list.ts';
import { rulesTest } from './rules-test.ts';
import { rulesUnknown } from './rules-unknown.ts';
import { send } from './send.ts';
import { serve } from './serve.ts';
import { sourceDrain } from './source-drain.ts';
import { sourceEnable } from './source-enable.ts';
import { sourceList } from './source-list.ts';
import { spoolDump } from './spool-dump.ts';
import { spoolExport } from './spool-export.ts';
import { spoolImport } from './spool-import.ts';
import { spoolRebuild } from './spool-rebuild.ts';
import { spoolVerify } from './spool-verify.ts';
import { suppressAdd } from './suppress-add.ts';
import { suppressExport } from './suppress-export.ts';
import { suppressFind } from './suppress-find.ts';
import { suppressImport } from './suppress-import.ts';
import { suppressList } from './suppress-list.ts';
import { suppressRemove } from './suppress-remove.ts';
import { top } from './top.ts';
import { trial } from './trial.ts';
import { userAdd } from './user-add.ts';
import { userList } from './user-list.ts';
import { userRemove } from './user-remove.ts';
import { warmupAdvance } from './warmup-advance.ts';
import { warmupHistory } from './warmup-history.ts';
import { warmupHold } from './warmup-hold.ts';
import { warmupReset } from './warmup-reset.ts';
import { warmupResume } from './warmup-resume.ts';
import { warmupSet } from './warmup-set.ts';
import { warmupSimulate } from './warmup-simulate.ts';
import { warmupStatus } from './warmup-status.ts';

/** In the order of the help. */
export const COMMANDS: readonly Command[] = [
  trial,
  send,
  serve,
  check,
  reload,
  configShow,
  configDescribe,
  userAdd,
  userList,
  userRemove,
  domainAdd,
  domainList,
  domainShow,
  domainRotate,
  domainRemove,
  top,
  queue,
  queuePause,
  queueResume,
  queueMove,
  queueRetry,
  explain,
  campaignList,
  campaignPause,
  campaignResume,
  campaignMove,
  campaignCancel,
  sourceList,
  sourceDrain,
  sourceEnable,
  warmupStatus,
  warmupHistory,
  warmupSimulate,
  warmupSet,
  warmupAdvance,
  warmupHold,
  warmupResume,
  warmupReset,
  laneList,
  laneShow,
  lanePause,
  laneResume,
  lanePin,
  laneRelease,
  laneHistory,
  messageShow,
  messageRetry,
  messageCancel,
  suppressAdd,
  suppressRemove,
  suppressFind,
  suppressList,
  suppressImport,
  suppressExport,
  classify,
  rulesList,
  rulesLint,
  rulesTest,
  rulesUnknown,
  spoolVerify,
  spoolDump,
  spoolRebuild,
  spoolExport,
  spoolImport,
];

/** Words that are no command of their own. */
const GROUPS: Readonly<Record<string, string>> = {
  config: 'Look settings up: show, describe',
  user: 'Who may log in: add, list, remove',
  domain: 'Domains that mail is signed for: add, list, show, rotate, remove',
  campaign: 'Campaigns: list, pause, resume, move, cancel',
  source: 'Addresses that mail is sent from: list, drain, enable',
  warmup: 'New addresses that are warmed up: status, history, simulate, set, advance, hold, resume, reset',
  lane: 'What a source may do at a provider: list, show, pause, resume, pin, release, history',
  message: 'One message: show, retry, cancel',
  suppress: 'Recipients that get no mail: add, remove, find, list, import, export',
  rules: 'What replies mean: list, lint, test, unknown. Own rules: own-responses.yaml beside postilion.yaml',
  spool: 'The spool of a relay that is not running: verify, dump, rebuild, export, import',
};

const EXIT_CODES = `Exit codes: 0 done; 1 the answer is no, or trouble was found; 64 wrong usage; 69 no relay is running;
70 a bug; 71 a port is in use; 75 try again; 77 not permitted; 78 configuration or spool must be mended.`;

export interface Program {
  /** `args` without node and script. Never rejects for what people can mend; a bug rejects. */
  run(args: readonly string[]): Promise<ExitCode>;
}

export function buildProgram(deps: CliDeps): Program {
  return {
    async run(args) {
      let exitCode: ExitCode = EXIT.ok;
      const root = rootOf(deps, (code) => {
        exitCode = code;
      });
      try {
        await root.parseAsync([...args], { from: 'user' });
        return exitCode;
      } catch (error) {
        return await told(error, deps, args.includes('--json'));
      }
    },
  };
}

/** Prints what people can mend; rethrows what they cannot. */
async function told(error: unknown, { terminal }: CliDeps, json: boolean): Promise<ExitCode> {
  if (error instanceof CommanderError) {
    // Help that was asked for is no failure; help because a command is missing is.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  if (!(error instanceof OperatorError)) throw error;
  const message = error.message;
  await terminal.note(
    json ? `${JSON.stringify({ error: { message, exit_code: error.exitCode } })}\n` : `postilion: ${message}\n`,
  );
  return error.exitCode;
}

function rootOf(deps: CliDeps, done: (code: ExitCode) => void): Commander {
  const { terminal } = deps;
  const root = new Commander('postilion')
    .description('A self-hosted SMTP relay: takes mail over authenticated SMTP, keeps it, and delivers it.')
    .version(deps.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .helpCommand('help [command]', 'print the help of a command')
    .option('--config <folder>', 'folder of the configuration; else POSTILION_CONFIG, else ./config')
    .option('--json', 'print JSON, for programs')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void terminal.out(text),
      writeErr: (text) => void terminal.note(text),
      getOutHelpWidth: () => terminal.outColumns ?? 100,
      getErrHelpWidth: () => terminal.noteColumns ?? 100,
    })
    .showHelpAfterError('(postilion help tells more)')
    .exitOverride();
  const groups = new Map<string, Commander>();
  for (const command of COMMANDS) {
    const [first, second] = command.words;
    const above = second === undefined ? root : (groups.get(first) ?? addGroup(root, first, groups));
    const added = add(above, second ?? first, command, deps, done);
    if (second === undefined) groups.set(first, added);
  }
  return root.addHelpText('after', `\n${EXIT_CODES}`);
}

function addGroup(root: Commander, name: string, groups: Map<string, Commander>): Commander {
  const group = root.command(name).description(GROUPS[name] ?? '');
  groups.set(name, group);
  return group;
}

function add(
  above: Commander,
  name: string,
  command: Command,
  deps: CliDeps,
  done: (code: ExitCode) => void,
): Commander {
  const added = above.command(name).summary(command.summary);
  added.description([command.summary, command.details].filter(Boolean).join('.\n\n'));
  for (const { name: argument, doc, optional } of command.args ?? []) {
    added.argument(optional ? `[${argument}]` : `<${argument}>`, doc);
  }
  for (const option of command.options ?? []) {
    if (option.flags.includes('<')) added.option(option.flags, option.doc, joined(option));
    else added.option(option.flags, option.doc);
  }
  const width = Math.max(...command.examples.map(([line]) => line.length));
  const examples = command.examples.map(([line, what]) => `  ${line.padEnd(width)}  # ${what}`);
  added.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  return added.action(async () => {
    done(await command.run(callOf(added, command, deps)));
  });
}

/** The second value of an option does not silently replace the first. */
function joined({ flags, isList }: Option): (value: string, before: string | undefined) => string {
  return (value, before) => {
    if (before === undefined) return value;
    if (isList === undefined) throw new OperatorError(`${flags.split(' ')[0]} is given twice`, EXIT.usage);
    return `${before},${value}`;
  };
}

function callOf(added: Commander, command: Command, deps: CliDeps): Call {
  const options = added.optsWithGlobals<Record<string, string | boolean | undefined>>();
  const { config, json } = options;
  const args = Object.fromEntries((command.args ?? []).map(({ name }, at) => [name, added.args[at]]));
  return {
    deps,
    configDir: typeof config === 'string' ? config : (deps.env['POSTILION_CONFIG'] ?? 'config'),
    json: json === true,
    args,
    options,
  };
}
