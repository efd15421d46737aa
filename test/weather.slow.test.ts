// The relay behind a network that loses packets, resets connections, is thin, or goes away: each message arrives, and a
// second copy only where an outcome had said that it may have been delivered. test/e2e/weather.py plays it.
import { spawnSync } from 'node:child_process';
import { before, test } from 'node:test';
import { Steps } from './support/steps.ts';

const RULE =
  'add table ip weather; add chain ip weather in { type filter hook input priority 0; }; add rule ip weather in tcp dport 25 numgen random mod 100 < 15 counter reject with tcp reset';

function lacking(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = ['python3', 'unshare', 'nsenter', 'ip', 'tc', 'nft'].filter(
    (name) => spawnSync('which', [name]).status !== 0,
  );
  if (missing.length > 0) return `no program ${missing.join(', ')}`;
  const link =
    'ip link add name near type veth peer name far && tc qdisc add dev near root tbf rate 1mbit burst 4kb latency 1s';
  return spawnSync('unshare', ['-n', 'sh', '-c', `${link} && nft '${RULE}'`]).status === 0
    ? false
    : 'no network namespaces with packet rules here';
}

const skip = lacking();
const steps = new Steps();

before(() => (skip === false ? steps.play('weather.py', { PROCESSES: 'split' }) : undefined), { timeout: 600_000 });

for (const [name, step] of [
  ['three packets of ten are lost', 'loss'],
  ['connections are reset at random', 'resets'],
  ['the line takes 256 kbit/s', 'thin'],
  ['the link goes away for 4 s', 'away'],
] as const) {
  test(`weather: ${name}, and all mail arrives, no copy without a reason`, { skip }, (t) => {
    steps.played(step);
    t.diagnostic(`${name}: ${steps.detail(step)}`);
  });
}

test('weather: after all of it the relay stops in order', { skip }, () => steps.played('stop'));
