// postilion trial: the whole relay with a world of its own on this host, to send a first message to and watch its way.
import { EXIT, OperatorError } from '../base/errors.ts';
import { durationText } from '../base/duration.ts';
import type { TrialFacts } from '../trial/event.ts';
import { PERSONALITIES } from '../trial/personality.ts';
import { STEER_WORDS } from '../trial/steering.ts';
import { type Call, type Command, optionText } from './command.ts';
import { makePassword } from './password-input.ts';
import type { Terminal } from './terminal.ts';
import { type Paint, paintFor } from './paint.ts';
import { countedText } from './progress.ts';
import { storyOf } from './trial-story.ts';

/** Written and not taken by the terminal yet; beyond it lines are counted, not kept. */
const LINES_WAITING_MAX = 10_000;
const PORT_MAX = 65_535;

export const trial: Command = {
  words: ['trial'],
  summary: 'Try it: the whole relay with a world of its own, on this host alone',
  details:
    'Starts the real relay in a temporary folder, and mail servers and a name server that stand for the rest of the world, all on loopback. Nothing leaves this host. Prints how to log in, then shows the way of each message. The recipient decides what happens: 550@any.example is refused, greylist@any.example is deferred first; the list is printed. Ctrl-C ends it and leaves nothing behind. With --json the first line holds ports and credentials, each further line is an event.',
  options: [{ flags: '--port <n>', doc: 'take mail at this port; 0: any; else 2525 or the next that is free' }],
  examples: [
    ['postilion trial', 'then, elsewhere: postilion send --to anna@gmail.com'],
    ['postilion trial --json', 'for programs: port, user and password in the first line'],
  ],
  async run(call) {
    const { deps, json } = call;
    const port = portOf(call);
    const say = sayTo(deps.terminal, json);
    const paint = paintFor(deps.terminal.outColumns !== undefined, deps.env);
    const counts = new Map<string, number>();
    const count = (word: string, by: number): void => void counts.set(word, (counts.get(word) ?? 0) + by);
    let sources: TrialFacts['sources'] = {};
    const code = await deps.trial({
      ...(port === undefined ? {} : { port }),
      password: makePassword(deps.random),
      onStart: (facts) => {
        sources = facts.sources;
        say(json ? JSON.stringify(facts) : welcome(facts, deps.programName, paint));
      },
      onEvent: (event) => {
        if (event.type === 'accepted') count('accepted', event.forwardPaths.length);
        if (event.type === 'outcome') count(event.outcome, 1);
        const text = json ? JSON.stringify(event) : storyOf(event, { paint, sources })?.trimEnd();
        if (text !== undefined) say(text);
      },
    });
    if (!json) await deps.terminal.out(`\n${farewell(counts)}\n`);
    return code;
  },
};

function portOf(call: Call): number | undefined {
  const text = optionText(call, 'port');
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : PORT_MAX + 1;
  if (port <= PORT_MAX) return port;
  throw new OperatorError(`--port takes a number up to ${PORT_MAX}, not '${text}'`, EXIT.usage);
}

/** A terminal that takes nothing must not fill the memory: what it missed is counted and told. */
function sayTo(terminal: Terminal, json: boolean): (text: string) => void {
  let waiting = 0;
  let missed = 0;
  const write = (text: string): void => {
    waiting++;
    void terminal.out(`${text}\n`).then(() => {
      waiting--;
      if (missed === 0 || waiting > LINES_WAITING_MAX / 2) return;
      const events = missed;
      missed = 0;
      write(json ? JSON.stringify({ type: 'missed', events }) : `… ${countedText(events, 'event')} not shown`);
    });
  };
  return (text) => {
    if (waiting < LINES_WAITING_MAX) write(text);
    else missed++;
  };
}

/** What one sees first. */
function welcome(facts: TrialFacts, program: string, paint: Paint): string {
  const { host, port, user, password } = facts;
  const strong = (text: string): string => paint('strong', text);
  const width = Math.max(...STEER_WORDS.map(({ word }) => word.length)) + 2;
  const steering = STEER_WORDS.map(
    ({ word, says }) => `  ${paint('wait', `${word}@`.padEnd(width))} ${says.replace(/\s+/g, ' ')}`,
  );
  const providers = PERSONALITIES.map(({ name, domains }) => `${domains[0]} (${name})`).join(', ');
  const swaks = `swaks --server ${host}:${port} --auth PLAIN --auth-user ${user} --auth-password ${password} --from hello@trial.test --to anna@gmail.com`;
  return `${strong(`Postilion ${facts.version} on trial`)}: the real relay, and a world of its own on this host. Nothing leaves it.

  host ${strong(host)}  port ${strong(String(port))}  user ${strong(user)}  password ${strong(password)}  (no TLS)

${strong('Send a message')} from another terminal:
  ${program} send --to anna@gmail.com
  ${swaks}

${strong('The recipient decides what happens')}, at any domain; +tag behind the word is free:
${steering.join('\n')}
  ${'others'.padEnd(width)} delivered. Domains with the words and limits of the real ones:
  ${' '.repeat(width)} ${providers}
Deferred mail is tried again after ${facts.retryDelaysMs.map((ms) => durationText(ms)).join(', ')}.

${strong('Look inside')}: ${program} --config ${facts.config} queue
${strong('End')}: Ctrl-C. Nothing is left behind.
`;
}

/** Deliveries, by what became of them. */
function farewell(counts: ReadonlyMap<string, number>): string {
  const accepted = counts.get('accepted') ?? 0;
  const ended = ['delivered', 'failed', 'expired', 'cancelled', 'unknown', 'suppressed'].flatMap((word) => {
    const count = counts.get(word);
    return count === undefined ? [] : [{ word, count }];
  });
  const waiting = accepted - ended.reduce((sum, { count }) => sum + count, 0);
  const told = [
    `${accepted} accepted`,
    ...ended.map(({ word, count }) => `${count} ${word}`),
    ...(waiting > 0 ? [`${waiting} still waiting`] : []),
  ];
  return `Stopped: ${told.join(', ')}. Nothing is left behind.`;
}
