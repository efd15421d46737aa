// A file of text that people wrote: read whole and bounded, or why not, in words.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { type Parsed, shown } from './units.ts';

export function readText(path: string, octetsMax: number): Parsed<string> {
  try {
    const { size } = statSync(path);
    if (size > octetsMax) return { wrong: `is larger than ${octetsMax} octets` };
    return { value: readFileSync(path, 'utf8').replace(/^\uFEFF/, '') };
  } catch (error) {
    return { wrong: `cannot be read: ${reason(error)}` };
  }
}

export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'it is not there';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'it is a folder';
  return shown(code ?? message);
}

/** undefined: it is not there. */
export function readTextIfThere(path: string, octetsMax: number): Parsed<string> | undefined {
  return existsSync(path) ? readText(path, octetsMax) : undefined;
}
