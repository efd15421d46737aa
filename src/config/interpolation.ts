// `${file:PATH}` and `${env:NAME}` inside values, so that secrets and what differs between hosts stand elsewhere.
// `$${` is a plain `${`. Reading is the caller's: nothing here touches a disk.
import type { Path } from './yaml-file.ts';
import type { Parsed } from './units.ts';

export interface Origin {
  readonly kind: 'file' | 'env';
  readonly name: string;
}

/** A value that was not in the file. Its text must not be shown. */
export interface Outside {
  readonly path: Path;
  /** As written. */
  readonly written: string;
  /** The whole value came from one place. */
  readonly whole: boolean;
  readonly text: string;
}

export interface Interpolated {
  readonly value: unknown;
  readonly outside: readonly Outside[];
  readonly wrong: readonly { readonly path: Path; readonly message: string }[];
}

const MARK = /\$\$\{|\$\{([^}]*)\}/g;

export function interpolate(raw: unknown, resolve: (origin: Origin) => Parsed<string>): Interpolated {
  const outside: Outside[] = [];
  const wrong: { path: Path; message: string }[] = [];

  function scalar(written: string, path: Path): string {
    let found = false;
    const text = written.replace(MARK, (mark: string, inner: string | undefined) => {
      if (inner === undefined) return '${';
      const [, kind, name = ''] = /^(file|env):(.+)$/.exec(inner) ?? [];
      if (kind !== 'file' && kind !== 'env') {
        wrong.push({
          path,
          message: `'${mark}' is unknown: write \${file:PATH} or \${env:NAME}, and $\${ for a plain \${`,
        });
        return mark;
      }
      found = true;
      const resolved = resolve({ kind, name });
      if ('value' in resolved) return resolved.value;
      wrong.push({ path, message: `${mark} ${resolved.wrong}` });
      return mark;
    });
    if (found) outside.push({ path, written, whole: /^\$\{[^}]*\}$/.test(written), text });
    return text;
  }

  function walk(value: unknown, path: Path): unknown {
    if (typeof value === 'string') return value.includes('${') ? scalar(value, path) : value;
    if (Array.isArray(value)) return value.map((item: unknown, index) => walk(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
  }

  return { value: walk(raw, []), outside, wrong };
}
