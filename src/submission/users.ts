// Who may submit, and as what. A look-up table that is replaced as a whole when users or rights change.

export interface User {
  readonly name: string;
  /** argon2id, as stored. Absent: the user has no password (trusted networks only). */
  readonly hash?: string;
  readonly tenant: string;
  /** Stream of messages that name none. */
  readonly stream: string;
  readonly pool?: string;
  /** CIDRs this user may log in from; absent: anywhere. */
  readonly networks?: readonly string[];
  /** Domains of reverse-path and From: `example.com`, or `*.example.com` for all below it; absent: any. */
  readonly domains?: readonly string[];
  /** Whether a message without a key of its From domain is refused; absent: the stream's word counts. */
  readonly dkim?: 'required' | 'optional';
  /** Octets; absent: the relay's limit. */
  readonly sizeMax?: number;
  /** Recipients of one message; absent: the relay's limit. */
  readonly recipientsMax?: number;
  /** A recipient on the suppression list is refused at RCPT; absent: accepted, and its delivery ends as suppressed. */
  readonly refusesSuppressed?: true;
  /** Has a rate or a number of recipients per hour: the scheduler, which counts, is asked for every transaction. */
  readonly counted: boolean;
}

export interface Users {
  find(name: string): User | undefined;
  /** A hash of the same cost as the others that no password fits: an unknown user takes as long as a wrong password. */
  readonly decoyHash: string;
}
