// How a recipient's address steers the trial world: `550@any.example` is refused with 550, `greylist@…` the first time,
// and so on; `+tag` behind the word is free. Pure: what a mail host of the trial world does with one recipient.

export type Steer =
  | { readonly do: 'accept' }
  /** Reply to RCPT; `close`: and the connection ends. */
  | { readonly do: 'refuse'; readonly reply: string; readonly close: boolean }
  /** Accepted after a while: the final dot is answered late. */
  | { readonly do: 'slow'; readonly delayMs: number }
  /** The content is read, then the connection is closed without a reply: was it delivered? */
  | { readonly do: 'drop' }
  /** Reply to the final dot. */
  | { readonly do: 'refuse-content'; readonly reply: string };

export interface SteerWord {
  readonly word: string;
  /** For `postilion trial` and the README. */
  readonly says: string;
}

export const STEER_WORDS: readonly SteerWord[] = [
  { word: '550', says: 'refused for good, as any code 4xx or 5xx: 452, 553 …' },
  { word: '421', says: 'refused for now, and the connection is closed' },
  { word: 'greylist', says: 'refused once with 451, taken from the second time on' },
  { word: 'full', says: 'the mailbox is full: 452 4.2.2' },
  { word: 'unknown', says: 'no such user: 550 5.1.1' },
  { word: 'spam', says: 'the content is refused: 550 5.7.1 after the final dot' },
  { word: 'slow', says: 'taken, 5 seconds after the final dot' },
  { word: 'drop', says: 'the connection breaks after the final dot: may have been delivered' },
];

const ENHANCED: Readonly<Record<string, string>> = {
  '421': '4.3.2 Service not available, closing transmission channel',
  '450': '4.2.0 Mailbox temporarily unavailable',
  '451': '4.3.0 Temporary server error. Please try again later',
  '452': '4.3.1 Insufficient system storage',
  '550': '5.1.1 The email account that you tried to reach does not exist',
  '552': '5.2.2 Mailbox full',
  '553': '5.1.3 Mailbox name not allowed',
  '554': '5.7.1 Message rejected under our policy',
};
const SLOW_MS = 5_000;

/** `seen`: this mailbox was offered before (greylisting). */
export function steer(mailbox: string, seen: boolean): Steer {
  const local = mailbox.slice(0, Math.max(mailbox.lastIndexOf('@'), 0)).toLowerCase();
  const word = local.split('+')[0] ?? '';
  const code = /^[45][0-5]\d$/.test(word) ? word : undefined;
  if (code !== undefined) {
    const text = ENHANCED[code] ?? `${code[0]}.0.0 As you asked`;
    return { do: 'refuse', reply: `${code} ${text}`, close: code === '421' };
  }
  switch (word) {
    case 'greylist':
      return seen ? { do: 'accept' } : refuse('451 4.7.1 Greylisted, please try again later');
    case 'full':
      return refuse('452 4.2.2 The mailbox is full and cannot take messages now');
    case 'unknown':
      return refuse('550 5.1.1 User unknown in local recipient table');
    case 'spam':
      return { do: 'refuse-content', reply: '550 5.7.1 Message rejected as spam' };
    case 'slow':
      return { do: 'slow', delayMs: SLOW_MS };
    case 'drop':
      return { do: 'drop' };
    default:
      return { do: 'accept' };
  }
}

function refuse(reply: string): Steer {
  return { do: 'refuse', reply, close: false };
}
