#!/usr/bin/env node
// `npm start`: installs and builds when needed, then is `postilion trial`, in this very process, so that Ctrl-C and
// signals reach it. What is said on the way goes to stderr: `npm -s start -- --json` prints JSON alone.
import { join } from 'node:path';
import { buildWhenStale, install, root } from './prepare.mjs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Postilion needs Node 20.19 or newer; this is ${process.versions.node}`);
  process.exit(1);
}
process.chdir(root);
install(process.stderr);
buildWhenStale(process.stderr);
const program = join(root, 'dist/src/app/main.js');
process.argv.splice(1, 1, program, 'trial');
await import(program);
