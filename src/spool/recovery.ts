// The start of a life: the index as it was committed, then what the files hold past its marks. What an earlier life may
// have written and never synced is first written anew, and synced, before it is believed: all segments, then the
// journal. Nothing is ever appended to a file of an earlier life. A record of kind copy is passed over: the row it would
// move still points to a record that is there, and a copy of a message that is over must not bring it back.
import type { OpenSegment } from '../flow/spool.ts';
import { readMarks } from './checkpoint.ts';
import { CopyForward } from './copy-forward.ts';
import type { Position } from './file-head.ts';
import { type JournalItem, scanJournal } from './journal-reader.ts';
import type { JournalWriter } from './journal-writer.ts';
import { isJournalName, isSegmentName, JOURNAL, LARGE, SEGMENTS } from './layout.ts';
import { quarantine } from './quarantine.ts';
import { rebuildOverlay } from './rebuild.ts';
import type { JournalKind, RecordKind } from './record.ts';
import { applyEvent, applySnapshot, keyEventOf } from './replay.ts';
import { scanSegment, type SegmentRecord } from './segment-scan.ts';
import type { SpoolParts } from './spool-parts.ts';
import type { KeyEvent } from '../flow/event.ts';
import type { Message, MessageId } from '../flow/message.ts';

/** For the test of the test alone. */
export interface RecoveryRules {
  /** May this record past the mark make a message wait that no row knows? */
  readonly creates: (kind: RecordKind) => boolean;
}

export const RECOVERY_RULES: RecoveryRules = { creates: (kind) => kind === 'accept' };

/** What living submission processes say; and the segments that were there before any of them was asked. */
export interface Hello {
  readonly open: readonly OpenSegment[] | undefined;
  readonly before: readonly string[];
}

/** The overlay is empty, the index open, the journal not started. A checkpoint has to follow. */
export async function recover(
  parts: SpoolParts,
  journal: JournalWriter,
  { open, before }: Hello,
  rules: RecoveryRules,
): Promise<void> {
  const { disk, store, overlay, log } = parts;
  const marks = readMarks((key) => store.get(key));
  const known = new Set([...before, ...(open ?? []).map(({ segment }) => segment)]);
  const all = disk.list(SEGMENTS).filter(isSegmentName);
  // With living writers: what came since is theirs, and they will tell it.
  const segments = open === undefined ? all : all.filter((name) => known.has(name));
  if (marks === undefined) {
    // Rows without marks are those of a rebuild that did not end.
    await store.clear();
    if (segments.length > 0 || disk.list(JOURNAL).some(isJournalName)) {
      log.warn({ segments: segments.length }, 'the index is missing: it is made anew from segments and journal');
      await rebuildOverlay(parts, { segments, open: open ?? [] });
    }
    await journal.start();
  } else {
    overlay.load();
    const tails = new SegmentTails(parts, rules, open ?? []);
    await tails.take(segments);
    await takeJournal(parts, journal, marks.journal);
    journal.write(tails.keys);
  }
  await forgetMissing(parts, new Set(all));
  // A living submission process may be writing one of them.
  if (open === undefined) await removeOrphans(parts);
}

class SegmentTails {
  /** For the journal: the idempotency keys of what was taken. */
  readonly keys: KeyEvent[] = [];
  readonly #parts: SpoolParts;
  readonly #rules: RecoveryRules;
  readonly #durable: ReadonlyMap<string, number>;
  readonly #seen = new Set<MessageId>();
  readonly #forward: CopyForward;

  constructor(parts: SpoolParts, rules: RecoveryRules, open: readonly OpenSegment[]) {
    this.#parts = parts;
    this.#rules = rules;
    this.#durable = new Map(open.map(({ segment, durable }) => [segment, durable]));
    this.#forward = new CopyForward(parts, ({ message, to, ownFile }) => {
      parts.overlay.segments.take(to);
      parts.overlay.add({ message, location: to }, undefined, ownFile);
      this.#claim(message);
    });
  }

  async take(names: readonly string[]): Promise<void> {
    const { overlay } = this.#parts;
    for (const name of names) {
      const durable = this.#durable.get(name);
      const segment = overlay.segments.of(name);
      segment.isOpen = durable !== undefined;
      await this.#takeOne(name, segment.upTo, durable);
    }
    await this.#forward.finish();
  }

  async #takeOne(name: string, from: number, durable: number | undefined): Promise<void> {
    const { disk, overlay, alarm } = this.#parts;
    const size = durable ?? disk.findSize(`${SEGMENTS}/${name}`) ?? 0;
    if (size <= from) {
      // Shorter by what was taken from a dead process unsynced, and copied: nothing is lost when nothing lives here.
      const live = overlay.segments.find(name)?.live ?? 0;
      if (size < from && live > 0)
        alarm('damaged-record', `${name} is cut off at ${size}; ${live} messages wait in it`);
      return;
    }
    for await (const item of scanSegment(disk, name, from, durable)) {
      if (item.item === 'damaged') await quarantine(this.#parts, SEGMENTS, item);
      else if (item.item === 'record') await this.#record(item, durable !== undefined);
    }
    overlay.segments.takeAll(name, size);
  }

  async #record(record: SegmentRecord, isOpen: boolean): Promise<void> {
    const { overlay, reserve, disk } = this.#parts;
    const { message, location, ownFile } = record;
    if (overlay.segments.isTaken(location) || !this.#rules.creates(record.kind)) return;
    if (this.#seen.has(message.id) || overlay.live(message.id) !== undefined) return;
    this.#seen.add(message.id);
    // Its writer said that it is durable; or there is no room for another, and this must do.
    const isInPlace = isOpen || reserve.isReached();
    if (!isInPlace) {
      if (!(await this.#forward.copy('accept', location))) this.#lost(record);
      return;
    }
    if (!isOpen) await syncFile(disk, location.segment);
    overlay.add({ message, location }, undefined, ownFile);
    this.#claim(message);
  }

  #claim(message: Message): void {
    const event = keyEventOf(message);
    if (event === undefined) return;
    applyEvent(this.#parts.overlay, event);
    this.keys.push(event);
  }

  #lost({ message, location }: SegmentRecord): void {
    const { alarm } = this.#parts;
    alarm('damaged-record', `message ${message.id} at ${location.offset} of ${location.segment} cannot be read`);
  }
}

async function syncFile(disk: SpoolParts['disk'], segment: string): Promise<void> {
  const file = disk.openRead(`${SEGMENTS}/${segment}`);
  try {
    await file.fdatasync();
  } finally {
    file.close();
  }
}

/** What stands past the mark goes into this life's first file, which supersedes it. */
async function takeJournal(parts: SpoolParts, journal: JournalWriter, from: Position): Promise<void> {
  const items = scanJournal(parts.disk, from);
  const first = await items.next();
  if (first.done === true) return journal.start();
  await journal.start({ previous: from, copy: applied(parts, first.value, items) });
}

async function* applied(
  parts: SpoolParts,
  first: JournalItem,
  rest: AsyncIterable<JournalItem>,
): AsyncGenerator<{ readonly kind: JournalKind; readonly value: unknown }> {
  const one = async (item: JournalItem): Promise<{ kind: JournalKind; value: unknown } | undefined> => {
    if (item.item === 'damaged') {
      await quarantine(parts, JOURNAL, item);
      return undefined;
    }
    if (item.item === 'snapshot') {
      applySnapshot(parts.overlay, item.value);
      return { kind: 'snapshot', value: item.value };
    }
    applyEvent(parts.overlay, item.event);
    return { kind: 'event', value: item.event };
  };
  const copied = await one(first);
  if (copied !== undefined) yield copied;
  for await (const item of rest) {
    const next = await one(item);
    if (next !== undefined) yield next;
  }
}

/** Of segments that are known and not there: what waited in them is told, when there is any. */
async function forgetMissing({ disk, overlay, alarm }: SpoolParts, existing: ReadonlySet<string>): Promise<void> {
  const missing = overlay.segments.all().filter(({ name, isOpen }) => !existing.has(name) && !isOpen);
  // What was removed may come back after a power cut; forgotten, it would be read anew.
  if (missing.length > 0) await disk.syncFolder(SEGMENTS);
  for (const segment of missing) {
    if (segment.live === 0) overlay.segments.forget(segment.name);
    else alarm('missing-segment', `${SEGMENTS}/${segment.name} is gone; ${segment.live} messages waited in it`);
  }
}

/** Content whose record was never written, or whose message is over. */
async function removeOrphans({ disk, overlay }: SpoolParts): Promise<void> {
  let count = 0;
  for (const name of disk.list(LARGE)) {
    if (overlay.live(name as MessageId) !== undefined) continue;
    await disk.unlink(`${LARGE}/${name}`);
    count++;
  }
  if (count > 0) await disk.syncFolder(LARGE);
}
