// Hands messages to a relay over SMTP as an application does. The only importer of nodemailer.
import { createTransport } from 'nodemailer';
import { EXIT, type ExitCode, OperatorError } from '../base/errors.ts';

export interface Server {
  readonly host: string;
  readonly port: number;
  readonly login?: { readonly user: string; readonly password: string };
  /** On this host: no TLS is needed, and a certificate for another name is good enough. */
  readonly isLocal: boolean;
}

export interface Letter {
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  /** Text of a message that is made, or the octets of one that is there. */
  readonly content: { readonly subject: string; readonly body: string } | { readonly raw: Buffer };
}

export interface Taken {
  /** The server's reply to the final dot. */
  readonly reply: string;
  /** Those it took, and what it said to the others. */
  readonly accepted: readonly string[];
  readonly refused: readonly { readonly forwardPath: string; readonly reply: string }[];
}

export interface SubmissionClient {
  /** Throws OperatorError: refused (1), not now (75), no login (77), nobody there (69). */
  submit(letter: Letter): Promise<Taken>;
  close(): void;
}

const IMPLICIT_TLS_PORT = 465;
const CONNECT_MS = 10_000;
/** Of the whole wait for a reply: a relay syncs before it answers. */
const REPLY_MS = 60_000;

/** One connection, kept for as many messages as come. */
export function createSubmissionClient({ host, port, login, isLocal }: Server): SubmissionClient {
  const transport = createTransport({
    pool: true,
    maxConnections: 1,
    maxMessages: Number.POSITIVE_INFINITY,
    // A message whose reply was lost may have been taken: it is told, never sent again.
    maxRequeues: 0,
    host,
    port,
    secure: port === IMPLICIT_TLS_PORT,
    requireTLS: login !== undefined && !isLocal && port !== IMPLICIT_TLS_PORT,
    tls: { rejectUnauthorized: !isLocal },
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: REPLY_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(login === undefined ? {} : { auth: { user: login.user, pass: login.password } }),
  });
  return {
    async submit({ reversePath, forwardPaths, content }) {
      const envelope = { from: reversePath, to: [...forwardPaths] };
      const mail =
        'raw' in content
          ? { raw: content.raw }
          : { from: reversePath, to: [...forwardPaths], subject: content.subject, text: content.body };
      try {
        const { response, accepted, rejectedErrors } = await transport.sendMail({ ...mail, envelope });
        return {
          reply: response,
          accepted: accepted.map(String),
          refused: (rejectedErrors ?? []).map((error) => ({
            forwardPath: String(Reflect.get(error, 'recipient')),
            reply: error.response ?? error.message,
          })),
        };
      } catch (error) {
        throw troubleOf(error as SmtpError, `${host}:${port}`);
      }
    },
    close: () => transport.close(),
  };
}

/** What nodemailer adds to its errors. */
interface SmtpError extends Error {
  readonly code?: string;
  readonly responseCode?: number;
  readonly response?: string;
}

function troubleOf(error: SmtpError, where: string): OperatorError {
  const { code, responseCode, response, message } = error;
  const made = (text: string, exitCode: ExitCode): OperatorError => new OperatorError(text, exitCode, { cause: error });
  if (response !== undefined && responseCode !== undefined && responseCode >= 400) {
    const isLogin = code === 'EAUTH' && responseCode >= 500;
    const said = response.replace(/\r?\n/g, ' ');
    return made(`${where}: ${said}`, isLogin ? EXIT.permission : responseCode >= 500 ? EXIT.no : EXIT.tryAgain);
  }
  if (code === 'ETLS') return made(`${where}: no TLS, so no password was sent: ${message}`, EXIT.permission);
  if (code === 'EENVELOPE' || code === 'EMESSAGE') return made(message, EXIT.usage);
  return made(`${where}: ${message}`, EXIT.noRelay);
}
