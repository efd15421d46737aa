// What the CLI asks of the spool while no relay runs on it. src/app/main.ts joins it to src/spool/; every function takes
// the spool's lock first and throws OperatorError (78) when somebody else holds it.
import type { Folders } from '../config/config.ts';

/** Called often; `total` is absent while it is not known. */
export type OnProgress = (done: number, total: number | undefined) => void;

/** One damaged or odd place. */
export interface SpoolTrouble {
  readonly file: string;
  /** Octets from the start of the file, when it has a place. */
  readonly offset?: number;
  readonly text: string;
}

export interface SpoolFindings {
  readonly messages: number;
  readonly deliveries: number;
  readonly troubles: readonly SpoolTrouble[];
}

/** A message as `spool dump` prints it; names as they stand in its JSON. */
export interface DumpedMessage {
  readonly id: string;
  readonly accepted_at: number | string;
  readonly user: string;
  readonly tenant: string;
  readonly stream: string;
  readonly reverse_path: string;
  readonly forward_paths: readonly string[];
  readonly size: number;
  /** Of the content, hex. */
  readonly sha256: string;
  readonly body_sha256: string;
  readonly state: string;
}

export interface SpoolTools {
  /** Reads every record and compares it with the index; changes nothing. */
  verify(folders: Folders, onProgress: OnProgress): Promise<SpoolFindings>;
  /** What waits, in order of id. */
  dump(folders: Folders): AsyncIterable<DumpedMessage>;
  /** Makes the index anew from segments and journal. */
  rebuild(folders: Folders, onProgress: OnProgress): Promise<SpoolFindings>;
  /** Writes every message that waits into `target`, which must not exist. How many. */
  export(folders: Folders, target: string, onProgress: OnProgress): Promise<number>;
  /** Takes in what an export wrote; a message that is there already is skipped. How many were taken and skipped. */
  import(
    folders: Folders,
    source: string,
    onProgress: OnProgress,
  ): Promise<{ readonly taken: number; readonly skipped: number }>;
}
