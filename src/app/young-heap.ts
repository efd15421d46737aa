// How much room V8 gives to what has just been made. By itself it widens it whenever much has survived, as when a program
// loads, up to 32 MB (64 in Node 24) that it never gives back, in every process. There is a flag of the command line for it,
// but not for who starts `node main.js serve`.
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Two halves, of which one is in use. With half as much, messages under way in 300 sessions are taken for old ones: 10 % more CPU. */
export const YOUNG_OCTETS = 2 * 4 * 1024 * 1024;
/** Of 1 MB, as it begins. */
const FACTOR = 4;
/** A loop that widens nothing ends here. */
const ARRAYS_MAX = 200_000;
const ALIVE = 2048;
const ENTRIES = 32;

/** From now on it stays as it is, in the threads too. Once, before much is loaded. */
export function freezeYoungHeap(): void {
  freeze();
  // V8 corrects the factor to 2 for the whole process whenever a thread begins; a collection before it is online doubles it.
  process.on('worker', (worker) => worker.once('online', freeze));
}

function freeze(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Of a frozen one, for a process that carries mail. Gives its octets. */
export function widenYoungHeap(): number {
  setFlagsFromString(`--semi-space-growth-factor=${FACTOR}`);
  // It is widened when it is collected and more has survived since the last time than it has room for. What survives
  // here does so once, and leaves nothing among the old.
  const alive: number[][] = [];
  let octets = youngOctets();
  for (let made = 0; octets < YOUNG_OCTETS && made < ARRAYS_MAX; made++) {
    alive[made % ALIVE] = Array.from({ length: ENTRIES }, () => made);
    if (made % ALIVE === 0) octets = youngOctets();
  }
  freeze();
  return octets;
}

function youngOctets(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? Infinity;
}
