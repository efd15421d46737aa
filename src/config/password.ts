// Password hashes: argon2id. The only importer of the hashing library. Nothing here is logged or kept.
import { hash, parseOptions, verify } from '@node-rs/argon2';

/** RFC 9106 section 4 leaves the choice to the site: 19 MiB, two passes, one lane take about 40 ms of one core. */
const OPTIONS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** A check must not cost more than an edited users.yaml may make it cost. */
const MEMORY_KIB_MAX = 256 * 1024;
const PASSES_MAX = 16;
const LANES_MAX = 8;

export const PASSWORD_OCTETS_MAX = 512;

/**
 * Hash of random octets that nobody kept, with the parameters of a real one: checked for a user that does not exist,
 * so that the answer takes as long. Its result must be thrown away.
 */
export const DECOY_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$bV8Bd8nX9eGWxOM2KmmFLQ$7xt8uPIhce+/F+LW0YXnRPvspxWp55DWIjeK7wmP39g';

/** Why this cannot be a password, or undefined when it can. */
export function passwordTrouble(password: string): string | undefined {
  const octets = Buffer.byteLength(password);
  if (octets === 0) return 'the password is empty';
  if (octets > PASSWORD_OCTETS_MAX) return `the password is longer than ${PASSWORD_OCTETS_MAX} octets`;
  // RFC 4616 section 2: PLAIN separates by NUL. A line break is a slip of the hand or of a pipe.
  if (/[\0\r\n]/.test(password)) return 'the password has a NUL or a line break in it';
  return undefined;
}

export function hashPassword(password: string): Promise<string> {
  return hash(password, OPTIONS);
}

/** True when `password` is the one `passwordHash` was made of. A hash that cannot be read matches nothing. */
export async function verifyPassword(passwordHash: string, password: string): Promise<boolean> {
  if (!isPasswordHash(passwordHash) || Buffer.byteLength(password) > PASSWORD_OCTETS_MAX) return false;
  return verify(passwordHash, password);
}

/** True for an argon2id hash whose check stays within our bounds of memory and time. */
export function isPasswordHash(text: string): boolean {
  if (!text.startsWith('$argon2id$') || text.length > 512) return false;
  try {
    const { memoryCost, timeCost, parallelism } = parseOptions(text);
    return memoryCost <= MEMORY_KIB_MAX && timeCost <= PASSES_MAX && parallelism <= LANES_MAX;
  } catch {
    return false;
  }
}
