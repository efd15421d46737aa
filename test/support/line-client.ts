// A raw SMTP client for tests: sends exactly the octets it is told, reads line by line, knows nothing of the protocol.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export class LineClient {
  #socket: Socket;
  #text = '';
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  static open(port: number, options: { tls?: boolean; localAddress?: string } = {}): LineClient {
    const to = { port, host: '127.0.0.1', ...(options.localAddress && { localAddress: options.localAddress }) };
    return new LineClient(options.tls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to));
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** One octet for each character, as it is. */
  send(octets: string | Buffer): void {
    this.#socket.write(typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets);
  }

  command(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  /** The next line without its CRLF; undefined when the server has closed. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\r\n');
      if (end !== -1) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return line;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** All lines of the next reply, joined by '\n'; 'closed' when there is none. */
  async reply(): Promise<string> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      if (line === undefined) return lines.length === 0 ? 'closed' : lines.join('\n');
      lines.push(line);
      if (line[3] !== '-') return lines.join('\n');
    }
  }

  /** What is left until the server closes. */
  async rest(): Promise<string> {
    let all = '';
    for (let line = await this.line(); line !== undefined; line = await this.line()) all += `${line}\n`;
    return all + this.#text;
  }

  async startTls(): Promise<void> {
    const plain = this.#socket;
    plain.removeAllListeners('data').removeAllListeners('close').removeAllListeners('end');
    const secure = connectTls({ socket: plain, rejectUnauthorized: false });
    this.#socket = secure;
    this.#listen(secure);
    await new Promise<void>((resolve, reject) => secure.once('secureConnect', resolve).once('error', reject));
  }

  close(): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    const over = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('end', over).on('close', over).on('error', over);
  }
}
