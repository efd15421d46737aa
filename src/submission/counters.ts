// What one submission process has seen since it started. Plain numbers; metrics and `postilion queue` read them.

export interface SubmissionCounts {
  /** Open now. */
  sessions: number;
  /** Octets of content held in memory now. */
  memory: number;
  connections: number;
  /** Connections refused for a cap. */
  capped: number;
  /** Connections that ended in a broken TLS handshake or PROXY header. */
  brokenHandshakes: number;
  messages: number;
  octets: number;
  /** Messages answered with the id of an earlier one. */
  repeated: number;
  longLines: number;
  /** Accepted although their From domain has no key: signed by the operator's domain alone. */
  signedByOperator: number;
  /** Accepted and signed by nobody. */
  unsigned: number;
  logins: number;
  /** Logins answered from verified credentials. */
  loginsCached: number;
  loginsFailed: number;
  /** 454: too many checks at once, or the scheduler did not let us try. */
  loginsPutOff: number;
  /** Refusals by reply and enhanced code, e.g. `452 4.3.1`. */
  readonly refused: Record<string, number>;
}

export function newCounts(): SubmissionCounts {
  return {
    sessions: 0,
    memory: 0,
    connections: 0,
    capped: 0,
    brokenHandshakes: 0,
    messages: 0,
    octets: 0,
    repeated: 0,
    longLines: 0,
    signedByOperator: 0,
    unsigned: 0,
    logins: 0,
    loginsCached: 0,
    loginsFailed: 0,
    loginsPutOff: 0,
    refused: Object.create(null) as Record<string, number>,
  };
}
