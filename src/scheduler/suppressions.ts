// The suppression list as the scheduler keeps it: pages of entries among the spool's states, so that an entry stands in
// the journal before the outcome it follows from, survives what that survives, and `spool rebuild` brings it back.
// A page that cannot be read holds no mail back: it raises an alarm, is never overwritten, and `spool rebuild` mends it.
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Threshold } from '../flow/action.ts';
import type { JournalEvent, OutcomeEvent } from '../flow/event.ts';
import type { Spool } from '../flow/spool.ts';
import type {
  Recipient,
  SuppressDecision,
  Suppression,
  SuppressionFilter,
  SuppressionPart,
  SuppressionScope,
} from '../flow/suppression.ts';
import { comparableAddress } from '../mail/comparable-address.ts';
import {
  decodeHits,
  encodeHits,
  type HitCounter,
  hitOf,
  hitsKey,
  withHit,
  withoutHits,
} from '../policy/suppression-hits.ts';
import {
  findCovering,
  isInForce,
  passes,
  scopesOf,
  suppressionOf,
  withEntry,
  withoutAddress,
  withoutEntry,
  withoutSoft,
} from '../policy/suppression.ts';
import { decodePage, encodePage, pageKey, PAGES } from '../policy/suppression-page.ts';
import { AddressPages } from './address-pages.ts';
import { PageChange } from './page-change.ts';
import { guardText, SuppressionGuard } from './suppression-guard.ts';
import { type SuppressionNote, SuppressionNotes } from './suppression-notes.ts';

export interface SuppressionsDeps {
  readonly spool: Spool;
  readonly clock: Clock;
  readonly random: Random;
  readonly suppresses?: SuppressDecision | undefined;
  /** Told once a day for each `about` at most. */
  readonly onAlarm: (alarm: 'damaged-suppressions' | 'unknown-users', text: string, about: string) => void;
}

const SALT_KEY = 'suppression-salt';
/** Pages read for one part of a listing: some milliseconds of the scheduler's time. */
const PAGES_READ_MAX = 100;
/** Pages looked at for one part, most of them empty. */
const PAGES_LOOKED_MAX = 20_000;

/** What one write changes: entries, hits that are counted, and what people are told. */
interface Change {
  readonly list: PageChange<Suppression>;
  readonly hits: PageChange<HitCounter>;
  readonly notes: SuppressionNotes;
  readonly first: JournalEvent[];
}

export class Suppressions {
  readonly #deps: SuppressionsDeps;
  readonly #list: AddressPages<Suppression>;
  readonly #hits: AddressPages<HitCounter>;
  readonly #guard = new SuppressionGuard();
  /** undefined: there has never been an entry, and no look-up costs anything. */
  #salt: string | undefined;

  constructor(deps: SuppressionsDeps) {
    this.#deps = deps;
    const damaged = (what: string) => (key: string) =>
      deps.onAlarm('damaged-suppressions', what.replace('PAGE', key), 'suppressions');
    this.#list = new AddressPages<Suppression>(
      deps.spool,
      { key: pageKey, decode: decodePage, encode: encodePage },
      damaged(
        'page PAGE of the suppression list cannot be read: its recipients get mail, and none is added to it, until the relay is stopped and `postilion spool rebuild` has run',
      ),
    );
    this.#hits = new AddressPages<HitCounter>(
      deps.spool,
      { key: hitsKey, decode: decodeHits, encode: encodeHits },
      damaged('page PAGE of what is counted before a suppression cannot be read: nothing more is counted in it'),
    );
  }

  /** After the spool's start. */
  load(): void {
    const salt = this.#deps.spool.state(SALT_KEY);
    if (typeof salt === 'string') this.#take(salt);
  }

  /** The entry that holds back mail to this recipient. */
  find({ mailbox, domain, tenant, stream }: Recipient): Suppression | undefined {
    if (this.#salt === undefined) return undefined;
    const address = comparableAddress(mailbox, domain);
    const page = this.#list.pageWith(address);
    if (page === undefined) return undefined;
    return findCovering(this.#list.read(page) ?? [], address, scopesOf(tenant, stream), this.#deps.clock.now());
  }

  /** Everything in force about an address, as src/mail/ makes comparable. */
  of(address: string): readonly Suppression[] {
    if (this.#salt === undefined) return [];
    const page = this.#list.pageWith(address);
    if (page === undefined) return [];
    const now = this.#deps.clock.now();
    return (this.#list.read(page) ?? []).filter((entry) => entry.address === address && isInForce(entry, now));
  }

  /** What must be written ahead of these events: entries and hits that their outcomes make, and those a success lifts. */
  follow(events: readonly JournalEvent[]): readonly JournalEvent[] {
    let change: Change | undefined;
    const changing = (): Change => (change ??= this.#change());
    for (const event of events) {
      if (event.type !== 'outcome') continue;
      const watch = this.#guard.tell(event, this.#deps.clock.monotonic());
      if (event.outcome === 'delivered') this.#success(event, changing);
      else if (event.outcome === 'failed' || event.outcome === 'deferred' || event.outcome === 'expired') {
        if (watch?.hasBegun === true) {
          const takenBack = this.#takeBack(event, changing);
          this.#deps.onAlarm('unknown-users', guardText(event, watch, takenBack), event.provider ?? event.domain);
        }
        if (watch?.isOver !== true) this.#failure(event, changing);
      }
    }
    return change === undefined ? [] : this.#done(change);
  }

  /** What `by` enters: events to write, and how many are new or changed. */
  add(
    entries: readonly Suppression[],
    by: string,
  ): { readonly events: readonly JournalEvent[]; readonly added: number } {
    const change = this.#change();
    let added = 0;
    for (const entry of entries) if (this.#add(change, entry, by)) added++;
    return { events: this.#done(change), added };
  }

  /** Takes an address out, of one scope or of all: events to write, and how many entries went. */
  remove(
    address: string,
    scope: SuppressionScope | undefined,
    by: string,
  ): { readonly events: readonly JournalEvent[]; readonly removed: number } {
    if (this.#salt === undefined) return { events: [], removed: 0 };
    const change = this.#change();
    const removed = this.#without(change, address, by, 'suppression-removed', (before) =>
      withoutAddress(before, address, scope),
    );
    return { events: this.#done(change), removed };
  }

  /** Can the page of this address be read? What cannot is not added to. */
  isReadable(address: string): boolean {
    return this.#salt === undefined || this.#list.read(this.#list.place(address)) !== undefined;
  }

  /** Part of the list in the order of its pages, from page `from` on: whole pages until `limit` entries are there. */
  list(from: number, limit: number, filter: SuppressionFilter): SuppressionPart {
    const now = this.#deps.clock.now();
    const entries: Suppression[] = [];
    if (this.#salt === undefined) return { entries };
    let read = 0;
    for (let page = from; page < PAGES; page++) {
      if (entries.length >= limit || read >= PAGES_READ_MAX || page - from >= PAGES_LOOKED_MAX) {
        return { entries, next: page };
      }
      if (this.#list.isEmpty(page)) continue;
      read++;
      for (const entry of this.#list.read(page) ?? []) {
        if (isInForce(entry, now) && passes(entry, filter)) entries.push(entry);
      }
    }
    return { entries };
  }

  /** The salt in force, made with the first entry. */
  salt(): { readonly salt: string; readonly events: readonly JournalEvent[] } {
    if (this.#salt !== undefined) return { salt: this.#salt, events: [] };
    const { clock, random } = this.#deps;
    const salt = Buffer.from(random.bytes(16)).toString('hex');
    this.#take(salt);
    return { salt, events: [{ type: 'state', at: clock.now(), key: SALT_KEY, value: salt, by: 'scheduler' }] };
  }

  #take(salt: string): void {
    this.#salt = salt;
    this.#list.salt = salt;
    this.#hits.salt = salt;
  }

  #change(): Change {
    return {
      list: new PageChange(this.#list),
      hits: new PageChange(this.#hits),
      notes: new SuppressionNotes(),
      first: [],
    };
  }

  #success(event: OutcomeEvent, changing: () => Change): void {
    if (this.#salt === undefined || event.reply === undefined) return;
    const address = comparableAddress(event.forwardPath, event.domain);
    const scopes = scopesOf(event.tenant, event.stream);
    if (this.#list.pageWith(address) !== undefined) {
      this.#without(changing(), address, 'success', 'suppression-lifted', (before) =>
        withoutSoft(before, address, scopes),
      );
    }
    const page = this.#hits.pageWith(address);
    if (page === undefined) return;
    const before = changing().hits.entries(page);
    const left = before && withoutHits(before, address, scopes);
    if (left !== undefined) changing().hits.set(page, left, 'success');
  }

  #failure(event: OutcomeEvent, changing: () => Change): void {
    for (const order of this.#deps.suppresses?.(event) ?? []) {
      const change = changing();
      const entry = suppressionOf(event, order);
      if (order.after !== undefined && !this.#isEnough(change, entry, event, order.after)) continue;
      if (this.#add(change, entry, entry.by)) this.#guard.entered(event, entry, this.#deps.clock.monotonic());
    }
  }

  /** One more hit, if this message is one. */
  #isEnough(change: Change, entry: Suppression, event: OutcomeEvent, after: Threshold): boolean {
    this.#salted(change);
    const { address, scope, reason, by } = entry;
    const page = this.#hits.place(address);
    const before = change.hits.entries(page);
    if (before === undefined) return false;
    const hit = hitOf(event.messageId, event.at);
    const count = withHit(before, { address, scope, reason }, hit, after, this.#deps.clock.now());
    if (count !== undefined) change.hits.set(page, count.counters, by);
    return count?.isReached === true;
  }

  #takeBack(event: OutcomeEvent, changing: () => Change): number {
    let removed = 0;
    for (const entry of this.#guard.takeBack(event, this.#deps.clock.monotonic())) {
      removed += this.#without(changing(), entry.address, 'guard', 'suppression-removed', (before) =>
        withoutEntry(before, entry),
      );
    }
    return removed;
  }

  #add(change: Change, entry: Suppression, by: string): boolean {
    this.#salted(change);
    const page = this.#list.place(entry.address);
    const before = change.list.entries(page);
    const after = before && withEntry(before, entry, this.#deps.clock.now());
    if (after === undefined) return false;
    change.list.set(page, after, by);
    change.notes.add('suppressed', by, entry);
    return true;
  }

  /** How many entries went. `left`: what stays of a page; undefined: all of it. */
  #without(
    change: Change,
    address: string,
    by: string,
    note: SuppressionNote,
    left: (before: readonly Suppression[]) => readonly Suppression[] | undefined,
  ): number {
    const page = this.#list.place(address);
    const before = change.list.entries(page) ?? [];
    const after = left(before);
    if (after === undefined) return 0;
    change.list.set(page, after, by);
    const gone = before.filter((entry) => !after.includes(entry));
    for (const entry of gone) change.notes.add(note, by, entry);
    return gone.length;
  }

  #salted(change: Change): void {
    change.first.push(...this.salt().events);
  }

  #done({ first, list, hits, notes }: Change): readonly JournalEvent[] {
    const at = this.#deps.clock.now();
    return [...first, ...list.finish(at), ...hits.finish(at), ...notes.events(at)];
  }
}
