// Spans of time in words for people.

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** Shortest exact form of a duration: `1h30m`. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  let rest = ms;
  let text = '';
  for (const [unit, size] of UNITS) {
    const whole = Math.floor(rest / size);
    if (whole > 0) text += `${whole}${unit}`;
    rest -= whole * size;
  }
  return text;
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
