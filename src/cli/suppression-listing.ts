// The suppression list in parts, as the relay gives it: each entry that stands in it all the while comes exactly once.
import type { Folders } from '../config/config.ts';
import type { Suppression } from '../flow/suppression.ts';
import { PAGES } from '../policy/suppression-page.ts';
import { ask } from './control-client.ts';
import type { OnProgress } from './spool-tools.ts';

export interface Listing {
  readonly scope?: string;
  readonly reason?: string;
  readonly domain?: string;
}

export async function* listSuppressions(
  folders: Folders,
  listing: Listing,
  onProgress: OnProgress = () => {},
): AsyncGenerator<readonly Suppression[]> {
  for (let from: number | undefined = 0; from !== undefined; ) {
    const query: Record<string, string> = { ...listing, from: String(from) };
    const part: { readonly entries: readonly Suppression[]; readonly next?: number } = await ask(
      folders,
      'GET /v1/suppressions',
      undefined,
      { query },
    );
    yield part.entries;
    from = part.next;
    onProgress(from ?? PAGES, PAGES);
  }
}
