// Damaged places of the spool's files: their octets are kept aside for people, counted, told, and never in the way.
import type { Damage } from './damage-log.ts';
import { QUARANTINE } from './layout.ts';
import type { SpoolParts } from './spool-parts.ts';

/** Octets kept of one place. */
const KEPT_OCTETS_MAX = 16 * 1024 * 1024;
const PIECE_OCTETS = 1024 * 1024;

/** Never rejects: a place that cannot be kept is told all the same. */
export async function quarantine(
  parts: Pick<SpoolParts, 'disk' | 'log' | 'alarm'>,
  folder: string,
  damage: Damage,
): Promise<void> {
  const { file, from, to, wasSynced } = damage;
  const name = `${QUARANTINE}/${file}.${from}-${to}`;
  try {
    if (parts.disk.findSize(name) === undefined) await keep(parts, `${folder}/${file}`, name, from, to);
  } catch (error) {
    parts.log.warn({ file, from, to, error: String(error) }, 'damaged octets could not be kept aside');
  }
  const text = `${folder}/${file}: octets ${from} to ${to} are damaged; they were kept in ${name}`;
  if (wasSynced) parts.alarm('damaged-record', text);
  else parts.log.warn({ file, from, to }, 'a write that was cut off left octets that are no record');
}

async function keep(
  { disk }: Pick<SpoolParts, 'disk'>,
  source: string,
  name: string,
  from: number,
  to: number,
): Promise<void> {
  const end = Math.min(to, from + KEPT_OCTETS_MAX);
  const input = disk.openRead(source);
  try {
    const output = disk.openNew(name);
    try {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_OCTETS, Math.max(end - from, 1)));
      for (let at = from; at < end; ) {
        const octets = await input.read(piece.subarray(0, Math.min(piece.length, end - at)), at);
        if (octets === 0) break;
        await output.writev([Buffer.from(piece.subarray(0, octets))], at - from);
        at += octets;
      }
    } finally {
      output.close();
    }
  } finally {
    input.close();
  }
}
