// Volumes of mail as people write them, and how they lie over the week.
import { EXIT, OperatorError } from '../base/errors.ts';

/** `200k/day`, `5000/d`, `1.5M/day`; recipients per day. Throws OperatorError. */
export function parseVolume(text: string, option: string): number {
  const [, digits, unit] = /^(\d{1,12}(?:\.\d{1,6})?)(k|M)?\/(?:d|day)$/.exec(text) ?? [];
  const volume = Math.round(Number(digits) * (unit === 'M' ? 1e6 : unit === 'k' ? 1e3 : 1));
  if (digits === undefined || volume < 1 || volume > 1e9) {
    throw new OperatorError(
      `${option} takes recipients per day such as 5000/day, 200k/day or 1.5M/day, not '${text}'`,
      EXIT.usage,
    );
  }
  return volume;
}

const NAMED: Readonly<Record<string, readonly number[]>> = {
  even: [1, 1, 1, 1, 1, 1, 1],
  weekdays: [1, 1, 1, 1, 1, 0, 0],
  weekly: [1, 0, 0, 0, 0, 0, 0],
};

/** Share of the volume that each day of the week has, Monday first. Throws OperatorError. */
export function parseShape(text: string): readonly number[] {
  const named = Object.hasOwn(NAMED, text) ? NAMED[text] : undefined;
  if (named !== undefined) return named;
  const shares = text.split(',').map((part) => (/^\d{1,3}(\.\d{1,3})?$/.test(part) ? Number(part) : Number.NaN));
  if (shares.length === 7 && shares.every((share) => !Number.isNaN(share))) return shares;
  throw new OperatorError(
    `--shape takes ${Object.keys(NAMED).join(', ')}, or a share for each day from Monday such as 1,1,1,1,1,0.2,0; not '${text}'`,
    EXIT.usage,
  );
}

/** 1970 began on a Thursday. */
export function weekdayOf(at: number): number {
  return (Math.floor(at / 86_400_000) + 3) % 7;
}
