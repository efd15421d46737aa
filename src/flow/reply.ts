// What a remote server said, parsed but not judged. RFC 5321 section 4.2, RFC 2034, RFC 3463.

export interface Reply {
  /** 200-599. */
  readonly code: number;
  /** `class.subject.detail` when the first line began with one, else absent. */
  readonly enhanced?: string;
  /** Text of each line without code, separator and enhanced code; bounded, control octets replaced. */
  readonly lines: readonly string[];
}

/** The command whose reply, or absence of one, decided. 'dns' and 'connect' come before any reply. */
export type Phase = 'dns' | 'connect' | 'greeting' | 'ehlo' | 'starttls' | 'auth' | 'mail' | 'rcpt' | 'data' | 'dot';
