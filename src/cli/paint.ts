// Colour on a screen: a help, never the only sign. Pure.

export type Tone = 'good' | 'wait' | 'bad' | 'new' | 'quiet' | 'strong' | 'plain';
/** Gives a text its tone; the text itself where there is no colour. */
export type Paint = (tone: Tone, text: string) => string;

const CODES: Readonly<Record<Tone, number>> = { good: 32, wait: 33, bad: 31, new: 36, quiet: 2, strong: 1, plain: 0 };

export const plain: Paint = (_, text) => text;
export const coloured: Paint = (tone, text) => `\u001b[${CODES[tone]}m${text}\u001b[0m`;

/** See https://no-color.org: set and not empty means none. */
export function paintFor(isScreen: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  return isScreen && !env['NO_COLOR'] && env['TERM'] !== 'dumb' ? coloured : plain;
}
