// Instants and sizes in words for people.
import { durationText } from '../config/units.ts';

/** RFC 3339 in UTC, for programs and logs. */
export function instantText(at: number): string {
  return new Date(at).toISOString();
}

/** `now`, `in 5m`, `3h20m ago`: two units at most. */
export function momentText(at: number, now: number): string {
  const apart = roughly(Math.abs(at - now));
  if (apart === 0) return 'now';
  return at > now ? `in ${durationText(apart)}` : `${durationText(apart)} ago`;
}

function roughly(ms: number): number {
  const step = ms >= 86_400_000 ? 3_600_000 : ms >= 3_600_000 ? 60_000 : 1000;
  return Math.round(ms / step) * step;
}

/** 20480 → `20.5 KB` */
export function sizeText(octets: number): string {
  if (octets < 1000) return `${octets} B`;
  const unit = ['KB', 'MB', 'GB', 'TB'].findIndex((_, at) => octets < 1000 ** (at + 2));
  const at = unit === -1 ? 3 : unit;
  return `${(octets / 1000 ** (at + 1)).toFixed(1)} ${['KB', 'MB', 'GB', 'TB'][at]}`;
}
