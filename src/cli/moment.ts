// Instants and sizes in words for people.

/** RFC 3339 in UTC, for programs and logs. */
export function instantText(at: number): string {
  return new Date(at).toISOString();
}

/** 20480 → `20.5 KB` */
export function sizeText(octets: number): string {
  if (octets < 1000) return `${octets} B`;
  const unit = ['KB', 'MB', 'GB', 'TB'].findIndex((_, at) => octets < 1000 ** (at + 2));
  const at = unit === -1 ? 3 : unit;
  return `${(octets / 1000 ** (at + 1)).toFixed(1)} ${['KB', 'MB', 'GB', 'TB'][at]}`;
}
