// The outside world of a trial, on loopback: a name server, and a mail host for each MX host of the providers and two
// for everybody else, each on an address of its own, all on one port that is free on every one of them.
import type { Clock } from '../base/clock.ts';
import { MailHost, type TrialDelivery } from './mail-host.ts';
import { NameServer } from './name-server.ts';
import { PERSONALITIES, PLAIN, type Personality, personalityOf } from './personality.ts';

export interface World {
  readonly mailPort: number;
  readonly dnsPort: number;
  close(): Promise<void>;
}

interface Place {
  readonly host: string;
  readonly personality: Personality;
  readonly address: string;
}

/** Addresses 127.0.0.2 and on; those of the relay's sources begin at 127.0.0.101. */
const PLACES: readonly Place[] = [
  ...PERSONALITIES.flatMap((personality) => personality.mx.map((host) => ({ host, personality }))),
  { host: 'mx1.trial.test', personality: PLAIN },
  { host: 'mx2.trial.test', personality: PLAIN },
].map((place, at) => ({ ...place, address: `127.0.0.${at + 2}` }));

/** A port that the kernel gives at one address may be taken at another. */
const PORTS_TRIED = 20;

export function addressOf(host: string): string {
  const personality = personalityOf(host);
  const own = PLACES.find((place) => place.host === host);
  const shared = PLACES.filter((place) => place.personality === personality);
  return (own ?? (host.startsWith('mx2.') ? shared.at(-1) : shared[0]))?.address ?? '127.0.0.2';
}

export async function startWorld(clock: Clock, onDelivery: (delivery: TrialDelivery) => void): Promise<World> {
  const names = new NameServer(addressOf);
  const dnsPort = await names.listen('127.0.0.1');
  try {
    const { hosts, port } = await listenEverywhere(clock, onDelivery);
    return {
      mailPort: port,
      dnsPort,
      close: async () => {
        await Promise.all([names.close(), ...hosts.map((host) => host.close())]);
      },
    };
  } catch (error) {
    await names.close();
    throw error;
  }
}

async function listenEverywhere(
  clock: Clock,
  onDelivery: (delivery: TrialDelivery) => void,
): Promise<{ readonly hosts: readonly MailHost[]; readonly port: number }> {
  for (let left = PORTS_TRIED; ; left--) {
    const hosts: MailHost[] = [];
    let port = 0;
    try {
      for (const { host, personality, address } of PLACES) {
        const mailHost = new MailHost({ host, personality, clock, onDelivery });
        port = await mailHost.listen(port, address);
        hosts.push(mailHost);
      }
      return { hosts, port };
    } catch (error) {
      await Promise.all(hosts.map((host) => host.close()));
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || left === 0) throw error;
    }
  }
}
