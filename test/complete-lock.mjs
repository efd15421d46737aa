#!/usr/bin/env node
// Completes package-lock.json for platforms whose prebuilt packages the registry at hand does not carry: npm leaves an
// optional dependency it cannot find out of the lock, and `npm ci` then refuses the whole lock. Run after a dependency
// changed: node test/complete-lock.mjs
import { readFileSync, writeFileSync } from 'node:fs';

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const processors = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x'];
let added = 0;
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (lock.packages[key] !== undefined) continue;
    const words = name.split(/[-/]/);
    const os = systems.find((system) => words.includes(system));
    const cpu = processors.find((processor) => words.includes(processor));
    if (os === undefined || (cpu === undefined && !name.includes('wasm'))) {
      console.error(`left out, no platform in its name: ${name}`);
      continue;
    }
    const musl = words.some((word) => word.startsWith('musl')) ? { libc: ['musl'] } : {};
    lock.packages[key] = { version, cpu: [cpu], dev: entry.dev, optional: true, os: [os], ...musl };
    if (entry.dev === undefined) delete lock.packages[key].dev;
    added++;
  }
}
const root = lock.packages[''];
const sorted = Object.keys(lock.packages)
  .filter((key) => key !== '')
  .sort((a, b) => a.localeCompare(b, 'en'));
lock.packages = { '': root, ...Object.fromEntries(sorted.map((key) => [key, lock.packages[key]])) };
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} platform packages added`);
