// The three streams of the program as its commands use them. The only file of the CLI that touches them.
import type { Readable, Writable } from 'node:stream';
import { EXIT, OperatorError } from '../base/errors.ts';

export interface Terminal {
  /** Results. Resolves when more may be written. */
  out(text: string): Promise<void>;
  /** Notes and questions. */
  note(text: string): Promise<void>;
  /** Columns of the screen that results go to; absent: not a screen, print plainly. */
  readonly outColumns?: number;
  readonly noteColumns?: number;
  /** Present where results go to a screen: its size now. */
  readonly screen?: () => { readonly columns: number; readonly rows: number };
  /** Somebody can be asked. */
  readonly canAsk: boolean;
  /** Reads a line without showing it. Rejects with OperatorError when the person gives up. */
  askSecret(question: string): Promise<string>;
  /** Everything on the input, to its end. Rejects with OperatorError beyond `octetsMax`. */
  readAll(octetsMax: number): Promise<string>;
}

export interface Streams {
  readonly stdin: Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown };
  readonly stdout: Writable & { isTTY?: boolean; columns?: number; rows?: number };
  readonly stderr: Writable & { isTTY?: boolean; columns?: number };
}

const COLUMNS_USUAL = 80;
const ROWS_USUAL = 24;

export function terminalOn({ stdin, stdout, stderr }: Streams): Terminal {
  let isClosed = false;
  // `postilion queue | head`: who reads has enough.
  stdout.on('error', () => {
    isClosed = true;
  });
  const write = (stream: Writable, text: string): Promise<void> =>
    new Promise((resolve) => {
      if ((stream === stdout && isClosed) || stream.write(text)) resolve();
      else {
        stream.once('drain', resolve);
        stream.once('error', () => resolve());
      }
    });
  return {
    out: (text) => write(stdout, text),
    note: (text) => write(stderr, text),
    ...(stdout.isTTY === true
      ? {
          outColumns: stdout.columns || COLUMNS_USUAL,
          // Some that are screens say 0.
          screen: () => ({ columns: stdout.columns || COLUMNS_USUAL, rows: stdout.rows || ROWS_USUAL }),
        }
      : {}),
    ...(stderr.isTTY === true ? { noteColumns: stderr.columns || COLUMNS_USUAL } : {}),
    canAsk: stdin.isTTY === true,
    async askSecret(question) {
      await write(stderr, question);
      try {
        return await readHidden(stdin);
      } finally {
        await write(stderr, '\n');
      }
    },
    async readAll(octetsMax) {
      const chunks: Buffer[] = [];
      let octets = 0;
      for await (const chunk of stdin) {
        const buffer = Buffer.from(chunk as Uint8Array);
        octets += buffer.length;
        if (octets > octetsMax) {
          throw new OperatorError(`the input is longer than ${octetsMax} octets`, EXIT.usage);
        }
        chunks.push(buffer);
      }
      return Buffer.concat(chunks).toString('utf8');
    },
  };
}

/** One line in raw mode: what is typed is not echoed; backspace, Ctrl-U, Ctrl-C and Ctrl-D do what they do elsewhere. */
function readHidden(stdin: Streams['stdin']): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const end = (): void => {
      stdin.off('data', typed);
      stdin.off('end', left);
      stdin.setRawMode?.(false);
      stdin.pause();
    };
    const left = (): void => {
      end();
      reject(new OperatorError('nothing was changed', EXIT.no));
    };
    const typed = (chunk: Buffer | string): void => {
      for (const character of chunk.toString()) {
        if (character === '\r' || character === '\n') {
          end();
          resolve(line);
          return;
        }
        if (character === '\u0003' || (character === '\u0004' && line === '')) {
          left();
          return;
        }
        if (character === '\u007f' || character === '\b') line = Array.from(line).slice(0, -1).join('');
        else if (character === '\u0015') line = '';
        else if (character >= ' ') line += character;
      }
    };
    stdin.setRawMode?.(true);
    stdin.on('data', typed);
    stdin.on('end', left);
    stdin.resume();
  });
}
