// `npm run bench -- drain`: that many messages of 2 KB wait for a host that is down; it comes up, the relay is told to try
// again (Postfix by its `flush`; ours looks every 2 s by itself), and the time runs until the host has them all.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { freePort, Relay, Sink, sleep, source } from './driver.ts';
import type { Peer } from './latency.ts';

const LOAD = { sizeOctets: 2048, sessions: 20 };
const QUIET_MS = 3000;
const QUIET_MS_MAX = 120_000;

/** Until it has begun everything and given up on the host for now. */
async function settled(relay: Relay): Promise<void> {
  const end = performance.now() + QUIET_MS_MAX;
  for (let quietMs = 0; quietMs < QUIET_MS && performance.now() < end; ) {
    const before = relay.cpuMs();
    await sleep(1000);
    quietMs = relay.cpuMs() - before < 50 ? quietMs + 1000 : 0;
  }
}

/** Messages a second from the moment the host is there. */
async function drain(peer: Peer, messages: number): Promise<number> {
  const sinkPort = await freePort();
  const relay = new Relay(peer.start, await freePort(), sinkPort, peer.env);
  let sink: Sink | undefined;
  try {
    await relay.greeting();
    await source(relay.port, LOAD, messages);
    await settled(relay);
    const begun = performance.now();
    sink = new Sink(sinkPort);
    const flush = join(dirname(peer.start), 'flush');
    if (existsSync(flush)) {
      const { status, stderr } = spawnSync(flush, { env: { ...process.env, RUN_DIR: relay.runDir }, encoding: 'utf8' });
      if (status !== 0) throw new Error(`${flush}: ${stderr}`);
    }
    await sink.has(messages);
    return messages / ((performance.now() - begun) / 1000);
  } finally {
    await relay.close();
    sink?.close();
  }
}

export async function benchDrain(peers: readonly Peer[], pairs: number, messages: number): Promise<void> {
  console.log(`messages/s once a host that was down takes ${messages} waiting messages of 2 KB`);
  console.log(`| ${peers.map(({ name }) => name).join(' | ')} | ratio |\n|${' --- |'.repeat(peers.length + 1)}`);
  for (let pair = 0; pair < pairs; pair++) {
    const rates = new Map<string, number>();
    for (const peer of pair % 2 === 0 ? peers : peers.toReversed()) rates.set(peer.name, await drain(peer, messages));
    const [ours = 0, theirs = 0] = peers.map(({ name }) => rates.get(name) ?? 0);
    console.log(`| ${Math.round(ours)} | ${Math.round(theirs)} | ${(ours / theirs).toFixed(2)} |`);
  }
}
