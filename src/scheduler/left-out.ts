// What egress is not to use on a lane: an extension or an address family that its provider is said not to get along with.
// A source that has nothing but an IPv6 address begins nothing where IPv6 is left out; other sources of its pool do.
import type { Extension } from '../flow/action.ts';
import type { Lane } from './lane.ts';
import type { Settings } from './settings.ts';

export interface LeftOutDeps {
  readonly settings: Settings;
}

const NOTHING: readonly Extension[] = [];
const IPV6: readonly Extension[] = ['ipv6'];

export class LeftOut {
  readonly #deps: LeftOutDeps;

  constructor(deps: LeftOutDeps) {
    this.#deps = deps;
  }

  of({ destination: { provider } }: Lane): readonly Extension[] {
    const policy = provider === undefined ? undefined : this.#deps.settings.provider(provider);
    return policy?.ipv6 === false ? IPV6 : NOTHING;
  }

  /** Without it there is nothing to send by. */
  stops(lane: Lane): boolean {
    return lane.source.address?.includes(':') === true && this.of(lane).includes('ipv6');
  }
}
