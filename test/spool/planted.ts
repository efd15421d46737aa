// Plants a fault in the disk spool and runs the model until it sees it.
import { type PlantedInSpool, runSpoolModel } from './spool-model.ts';

/** What the model said; undefined: nothing within so many seeds. */
export async function seenWithin(seeds: number, planted: PlantedInSpool): Promise<string | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      await runSpoolModel(seed, planted);
    } catch (error) {
      return String(error);
    }
  }
  return undefined;
}
