// Keys and certificates as text, by itself or in the configuration in place of a path.

/** PEM instead of a path. */
export function isPem(value: string): boolean {
  return value.trimStart().startsWith('-----BEGIN ');
}
