// The address that a session may have a connection to, where the scheduler counts them: one at a time, asked before it is
// dialled. What was had before is given up by asking, so its end has been seen by then.
import type { AddressClaim } from '../flow/attempt.ts';

export class AddressClaims {
  readonly #ask: (address: string) => void;
  #pending: { readonly address: string; readonly resolve: (isGranted: boolean) => void } | undefined;
  /** Granted last. */
  held: string | undefined;

  constructor(ask: (address: string) => void) {
    this.#ask = ask;
  }

  /** Resolves when the scheduler has answered, to that of the last question; never when it has died. */
  claim(address: string): Promise<boolean> {
    this.held = undefined;
    return new Promise((resolve) => {
      this.#pending = { address, resolve };
      this.#ask(address);
    });
  }

  answered({ address }: AddressClaim, isGranted: boolean): void {
    const pending = this.#pending;
    if (pending?.address !== address) return;
    this.#pending = undefined;
    if (isGranted) this.held = address;
    pending.resolve(isGranted);
  }
}
