// What a listener says about an address: whose mail it may send without AUTH, whether it is a load balancer. Rebuilt by
// a reload; sessions ask it through the same object.
import { Networks } from './networks.ts';
import type { ListenerOptions } from './options.ts';

export class ListenerState {
  #options: ListenerOptions;
  #trusted: readonly { readonly networks: Networks; readonly user: string }[];
  #proxies: Networks;

  /** Throws RangeError when a network is none. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#trusted = options.trusted.map(({ network, user }) => ({ networks: new Networks([network]), user }));
    this.#proxies = new Networks(options.proxyHosts);
  }

  update(options: ListenerOptions): void {
    const fresh = new ListenerState(options);
    this.#options = options;
    this.#trusted = fresh.#trusted;
    this.#proxies = fresh.#proxies;
  }

  get options(): ListenerOptions {
    return this.#options;
  }

  get offersTls(): boolean {
    return this.#options.kind === 'starttls' && this.#options.tls !== undefined;
  }

  trustedUser(address: string): string | undefined {
    return this.#trusted.find((entry) => entry.networks.has(address))?.user;
  }

  isProxy(address: string): boolean {
    return this.#proxies.has(address);
  }
}
