// How many sessions there may be: in this process, and of one address. Pure counting; a place must be given back once.

export class Admission {
  readonly #byAddress = new Map<string, number>();
  #all = 0;

  get all(): number {
    return this.#all;
  }

  /** Takes a place. `exempt`: loopback and trusted networks have no cap of their own. */
  enter(
    address: string,
    exempt: boolean,
    caps: { sessions: number; sessionsPerAddress: number },
  ): 'in' | 'full' | 'full-here' {
    const here = this.#byAddress.get(address) ?? 0;
    if (this.#all >= caps.sessions) return 'full';
    if (!exempt && here >= caps.sessionsPerAddress) return 'full-here';
    this.#all++;
    this.#byAddress.set(address, here + 1);
    return 'in';
  }

  leave(address: string): void {
    this.#all--;
    const here = this.#byAddress.get(address) ?? 0;
    if (here > 1) this.#byAddress.set(address, here - 1);
    else this.#byAddress.delete(address);
  }
}
