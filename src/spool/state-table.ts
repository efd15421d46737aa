// What the relay remembers beside its mail: state values, claims, alarms. Changes since the last checkpoint stand in
// memory in two layers (being written, and newer); everything else in the index alone. Alarms are few: all in memory.
import { createHash } from 'node:crypto';
import type { AlarmEvent } from '../flow/event.ts';
import { CLAIM_MS, type ClaimRecord } from '../flow/spool.ts';
import type { ChangeBatch, IndexStore } from './index-store.ts';
import { ALARM_MS, ALARMS_MAX, claimIsOver, laterClaim } from './reading.ts';
import {
  decodeJson,
  decodeState,
  encodeJson,
  encodeState,
  NAME_OCTETS_MAX,
  nameKey,
  nameOf,
  tableEnd,
  tableStart,
} from './rows.ts';

interface Layer {
  /** undefined: removed. */
  readonly states: Map<string, unknown>;
  readonly claims: Map<string, ClaimRecord>;
}

export interface StateChanges extends Layer {
  readonly alarms: readonly AlarmEvent[] | undefined;
}

const ALARMS_KEY = nameKey('meta', 'alarms');
const ROWS_AT_A_TIME = 1000;
/** Claims removed by one checkpoint: it must stay short. */
const CLAIMS_REMOVED_MAX = 20_000;
const NO_VALUE = Buffer.alloc(0);

const newLayer = (): Layer => ({ states: new Map(), claims: new Map() });

/** Longer than any index key may be: by digest. */
function claimName(user: string, key: string): string {
  const name = `${user}\0${key}`;
  return Buffer.byteLength(name) <= NAME_OCTETS_MAX ? name : createHash('sha256').update(name).digest('hex');
}

export class StateTable {
  readonly #store: IndexStore;
  #active = newLayer();
  #committing: Layer | undefined;
  #alarms: readonly AlarmEvent[] = [];
  #areAlarmsTouched = false;
  /** States that begin with `intent/`: settling must not look in the index for each delivery. */
  readonly #intents = new Set<string>();

  constructor(store: IndexStore) {
    this.#store = store;
  }

  load(): void {
    const alarms = this.#store.get(ALARMS_KEY);
    if (alarms !== undefined) this.#alarms = decodeJson(alarms) as AlarmEvent[];
    for (const { key } of this.list('intent/')) this.#intents.add(key);
  }

  /** Changes not yet in a checkpoint. */
  get size(): number {
    return this.#active.states.size + this.#active.claims.size;
  }

  get(key: string): unknown {
    for (const layer of [this.#active, this.#committing]) {
      if (layer?.states.has(key) === true) return layer.states.get(key);
    }
    const row = this.#store.get(nameKey('state', key));
    return row === undefined ? undefined : decodeState(row);
  }

  /** Throws RangeError when the key is longer than any index key may be. */
  set(key: string, value: unknown): void {
    if (key.length * 3 > NAME_OCTETS_MAX && Buffer.byteLength(key) > NAME_OCTETS_MAX) {
      throw new RangeError(`a state key of ${Buffer.byteLength(key)} octets`);
    }
    this.#active.states.set(key, value);
    if (!key.startsWith('intent/')) return;
    if (value === undefined) this.#intents.delete(key);
    else this.#intents.add(key);
  }

  endIntent(key: string): void {
    if (this.#intents.has(key)) this.set(key, undefined);
  }

  list(prefix: string): { readonly key: string; readonly value: unknown }[] {
    const found = new Map<string, unknown>();
    for (const [key, value] of this.#stored(prefix)) found.set(key, value);
    for (const layer of [this.#committing, this.#active]) {
      for (const [key, value] of layer?.states ?? []) if (key.startsWith(prefix)) found.set(key, value);
    }
    const entries = [...found].filter(([, value]) => value !== undefined);
    return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value }));
  }

  *#stored(prefix: string): Generator<[string, unknown]> {
    let from = nameKey('state', prefix);
    const end = Buffer.concat([from, Buffer.alloc(1, 255)]);
    for (;;) {
      const rows = this.#store.range(from, end, ROWS_AT_A_TIME);
      for (const { key, value } of rows) yield [nameOf(key), decodeState(value)];
      const last = rows.at(-1);
      if (last === undefined || rows.length < ROWS_AT_A_TIME) return;
      from = Buffer.concat([last.key, Buffer.alloc(1)]);
    }
  }

  claim(user: string, key: string, now: number): ClaimRecord | undefined {
    const claim = this.#claim(claimName(user, key));
    return claim === undefined || claimIsOver(claim, now) ? undefined : claim;
  }

  #claim(name: string): ClaimRecord | undefined {
    const held = this.#active.claims.get(name) ?? this.#committing?.claims.get(name);
    return held ?? this.#storedClaim(name);
  }

  #storedClaim(name: string): ClaimRecord | undefined {
    const row = this.#store.get(nameKey('claim', name));
    return row === undefined ? undefined : (decodeJson(row) as ClaimRecord);
  }

  setClaim(user: string, key: string, { messageId, digest, at }: ClaimRecord): void {
    const name = claimName(user, key);
    this.#active.claims.set(name, laterClaim(this.#claim(name), { messageId, digest, at }));
  }

  alarms(now: number): readonly AlarmEvent[] {
    return this.#alarms.filter((alarm) => alarm.at + ALARM_MS > now);
  }

  addAlarm(alarm: AlarmEvent): void {
    // A replay may meet an alarm that the index has.
    if (this.#alarms.some((held) => held.at === alarm.at && held.text === alarm.text)) return;
    this.#alarms = [...this.#alarms, alarm].slice(-ALARMS_MAX);
    this.#areAlarmsTouched = true;
  }

  begin(): StateChanges {
    const alarms = this.#areAlarmsTouched ? this.#alarms : undefined;
    this.#areAlarmsTouched = false;
    this.#committing = this.#active;
    this.#active = newLayer();
    return { ...this.#committing, alarms };
  }

  end(): void {
    this.#committing = undefined;
  }

  *put(batch: ChangeBatch, changes: StateChanges, now: number): Generator<void> {
    if (changes.alarms !== undefined) batch.put(ALARMS_KEY, encodeJson(changes.alarms));
    for (const [key, value] of changes.states) {
      if (value === undefined) batch.remove(nameKey('state', key));
      else batch.put(nameKey('state', key), encodeState(value));
      yield;
    }
    yield* this.#removeOver(batch, changes, now);
    for (const [name, claim] of changes.claims) {
      const stored = this.#storedClaim(name);
      if (stored !== undefined) batch.remove(claimTimeKey(stored.at, name));
      batch.put(nameKey('claim', name), encodeJson(claim));
      batch.put(claimTimeKey(claim.at, name), NO_VALUE);
      yield;
    }
  }

  *#removeOver(batch: ChangeBatch, changes: Layer, now: number): Generator<void> {
    let from = tableStart('claimTime');
    const end = claimTimeKey(Math.max(0, now - CLAIM_MS + 1), '');
    for (let removed = 0; removed < CLAIMS_REMOVED_MAX; ) {
      const rows = this.#store.range(from, end, ROWS_AT_A_TIME);
      for (const { key } of rows) {
        const name = key.toString('utf8', 7);
        batch.remove(key);
        if (!changes.claims.has(name)) batch.remove(nameKey('claim', name));
        yield;
      }
      removed += rows.length;
      const last = rows.at(-1);
      if (last === undefined || rows.length < ROWS_AT_A_TIME) return;
      from = Buffer.concat([last.key, Buffer.alloc(1)]);
    }
  }

  /**
   * Every key there is, without the values, which may be many megabytes. States may change while this is read: a key
   * that comes meanwhile may be missed, one that goes may be given.
   */
  *keys(): Generator<string> {
    const fresh = new Set([...(this.#committing?.states.keys() ?? []), ...this.#active.states.keys()]);
    yield* fresh;
    let from = tableStart('state');
    const end = tableEnd('state');
    for (;;) {
      const keys = this.#store.keys(from, end, ROWS_AT_A_TIME);
      for (const key of keys) {
        const name = nameOf(key);
        if (!fresh.has(name)) yield name;
      }
      const last = keys.at(-1);
      if (last === undefined || keys.length < ROWS_AT_A_TIME) return;
      from = Buffer.concat([last, Buffer.alloc(1)]);
    }
  }
}

function claimTimeKey(at: number, name: string): Buffer {
  const key = nameKey('claimTime', `123456${name}`);
  key.writeUIntBE(at, 1, 6);
  return key;
}
