import { deepEqual } from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';
import { importsOf } from '../support/architecture.ts';
import { readTexts } from '../support/tree.ts';

const sources = readTexts('src', '.ts');

/** Packages that come with a file at once: by its imports, and theirs, that are neither of types nor made when needed. */
function packagesOf(path: string, seen = new Set<string>()): readonly string[] {
  if (seen.has(path)) return [];
  seen.add(path);
  const text = (sources.get(path) ?? '').replace(/^import type [^;]*;|\bimport\(/gm, '');
  return importsOf(text).flatMap((name) => {
    if (name.startsWith('.')) return packagesOf(posix.join(posix.dirname(path), name), seen);
    return name.startsWith('node:') ? [] : [name];
  });
}

// Each is some megabytes, in every process that has it.
for (const [file, wanted] of [
  ['main', ['pino']],
  ['child-main', ['pino']],
  ['supervisor', []],
  ['submission-role', ['@node-rs/argon2', 'smtp-server']],
  ['scheduler-role', ['lmdb']],
  ['egress-role', ['dns-packet']],
  ['control-role', ['fastify']],
] as const) {
  test(`roles: ${file} loads ${wanted.join(' and ') || 'none'} of the packages, and no other`, () => {
    const found = packagesOf(`src/app/${file}.ts`).map((name) => name.replace(/^(smtp-server)\/.*/, '$1'));
    deepEqual([...new Set(found)].sort(), wanted);
  });
}
