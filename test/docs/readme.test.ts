// The README says nothing that is not so: its tests, files, scripts and commands are there, and its configuration is right.
import { deepEqual, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { COMMANDS } from '../../src/cli/program.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configFolder } from '../config/folder.ts';
import { PROJECT_ROOT } from '../support/tree.ts';
import { fenced } from './fenced.ts';

const README = readFileSync(join(PROJECT_ROOT, 'README.md'), 'utf8');

test('README: every test that it names is there, in the file that it names', () => {
  const named = [...README.matchAll(/`(test\/[^`]+\.test\.ts)`(?: "([^"]+)")?/g)];
  ok(named.length >= 12, `${named.length} are named`);
  for (const [, file = '', name = ''] of named) {
    ok(existsSync(join(PROJECT_ROOT, file)), file);
    ok(readFileSync(join(PROJECT_ROOT, file), 'utf8').replace(/\s+/g, ' ').includes(name), `${file}: ${name}`);
  }
});

test('README: every file, script and bench that it names is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  for (const [, name = ''] of README.matchAll(/npm run ([a-z]+)/g)) ok(name in scripts, `npm run ${name}`);
  for (const [, path = ''] of README.matchAll(/`((?:src|test|config|systemd)\/[\w./-]+)`/g)) {
    // What an operator may put there is not.
    ok(existsSync(join(PROJECT_ROOT, path)) || path.startsWith('config/own-'), path);
  }
});

test('README: every command line of postilion in it is one that the program knows, with options that it knows', () => {
  const lines = [...README.matchAll(/(?:^ {4,}|^\$ |`)postilion ([a-z][^`\n]*)/gm)].map(([, line = '']) => line);
  ok(lines.length >= 15, `${lines.length} lines`);
  for (const line of lines) {
    const [first = '', second = ''] = line.split(/[\s|]+/);
    // `queue` is a command, and so is `queue pause`.
    const named = COMMANDS.filter(({ words }) => words[0] === first);
    const command = named.find(({ words }) => words[1] === second) ?? named.find(({ words }) => words.length === 1);
    ok(command !== undefined || line.trim() === 'help' || COMMANDS.some(({ words }) => words[0] === first), line);
    const known = (command?.options ?? []).map(({ flags }) => flags.split(' ')[0]);
    for (const [option] of line.split('#')[0]?.matchAll(/(?<=\s)--[a-z-]+/g) ?? []) {
      ok([...known, '--json', '--config', '--help'].includes(option), `${line}: ${option}`);
    }
  }
});

test('README: its configuration is right as it stands', (t) => {
  const blocks = fenced(README, 'yaml');
  ok(blocks.length >= 3);
  for (const block of blocks) {
    const [, file = 'sending.yaml'] = /^# config\/(\S+\.yaml)/.exec(block) ?? [];
    // The certificate of an example is not on this host.
    const text = block.replace(/^tls: .*$/m, '');
    const other =
      file === 'postilion.yaml'
        ? { 'sending.yaml': 'users: {app1: {}}\n' }
        : { 'postilion.yaml': 'hostname: relay.example.com\n' };
    const { configDir } = configFolder(t, { ...other, [file]: text });
    const loaded = loadConfig({ configDir, env: {} });
    deepEqual(
      'problems' in loaded ? loaded.problems.map(({ line, message }) => `${file}:${line}: ${message}`) : [],
      [],
    );
  }
});
