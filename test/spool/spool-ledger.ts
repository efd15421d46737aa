// What the model of the disk spool knows: each message given to it, what may have become of each delivery, and the
// comparison with what a spool says. A fate is sure once its event was synced; after a power cut any later one may hold.
import assert from 'node:assert/strict';
import type { Message, MessageId } from '../../src/flow/message.ts';
import { queueKey, queueOf } from '../../src/flow/queue-name.ts';
import type { Spool } from '../../src/flow/spool.ts';
import type { Disk } from '../../src/spool/disk.ts';
import { SegmentReader } from '../../src/spool/segment-reader.ts';

export interface Fate {
  readonly isOver: boolean;
  readonly dueAt: number;
  readonly attempts: number;
}

export interface Delivery {
  sure: Fate;
  unsure: Fate[];
}

interface Box {
  readonly value: unknown;
}

export interface Known {
  readonly message: Message;
  readonly content: Buffer;
  /** gone: was not there after a crash that could take it; it may never come back. */
  state: 'pending' | 'acknowledged' | 'refused' | 'gone';
  /** The spool knows it. */
  isTold: boolean;
  /** Never acknowledged, its sync failed, and it was adopted where it stands: a power cut may take it. */
  isUnsafe: boolean;
  readonly deliveries: Delivery[];
}

export class Ledger {
  readonly known = new Map<MessageId, Known>();
  /** Boxed: a removed value is one too. */
  readonly states = new Map<string, { sure: Box; unsure: Box[] }>();
  /** Segments of which an fdatasync failed. */
  readonly unsynced = new Set<string>();

  add(message: Message, content: Buffer): Known {
    const fate: Fate = { isOver: false, dueAt: message.notBefore ?? message.acceptedAt, attempts: 0 };
    const deliveries = message.forwardPaths.map((): Delivery => ({ sure: fate, unsure: [] }));
    const known: Known = { message, content, state: 'pending', isTold: false, isUnsafe: false, deliveries };
    this.known.set(message.id, known);
    return known;
  }

  waiting(): { readonly known: Known; readonly index: number }[] {
    const told = [...this.known.values()].filter(({ isTold }) => isTold);
    return told.flatMap((known) =>
      [...known.deliveries.keys()]
        .filter((index) => !now(known.deliveries[index]!).isOver)
        .map((index) => ({ known, index })),
    );
  }

  /** To be called when everything written before is durable. */
  syncPoint(): () => void {
    const lengths = [...this.known.values()].flatMap(({ deliveries }) =>
      deliveries.map((delivery) => ({
        entry: delivery as { sure: unknown; unsure: unknown[] },
        last: delivery.unsure.at(-1) as unknown,
      })),
    );
    for (const entry of this.states.values()) lengths.push({ entry, last: entry.unsure.at(-1) });
    return () => {
      for (const { entry, last } of lengths) {
        const at = entry.unsure.lastIndexOf(last);
        if (last === undefined || at < 0) continue;
        entry.sure = last;
        entry.unsure = entry.unsure.slice(at + 1);
      }
    };
  }

  /** Its writer is dead: it is there, or gone for good. */
  settle(known: Known, spool: Spool): void {
    const queued = spool.message(known.message.id);
    known.state = queued === undefined ? 'gone' : 'acknowledged';
    known.isTold = queued !== undefined;
    known.isUnsafe = queued !== undefined && this.unsynced.has(queued.location.segment);
  }

  /** Compares while the spool runs: what was told, and nothing else, waits as it was recorded. */
  compare(spool: Spool): void {
    this.#compare(spool, (delivery) => [now(delivery)], false);
    for (const [key, entry] of this.states)
      assert.deepEqual(spool.state(key), (entry.unsure.at(-1) ?? entry.sure).value, key);
  }

  /** Compares after a start, and takes what the spool says for sure. `writerLives`: what is pending may still come. */
  adopt(spool: Spool, wasPowerCut: boolean, writerLives: boolean): void {
    for (const known of this.known.values()) {
      const isThere = spool.message(known.message.id) !== undefined;
      if (known.isUnsafe && wasPowerCut && !isThere) Object.assign(known, { state: 'gone', isTold: false });
      // What a living writer has not told yet it will tell.
      if (known.state === 'acknowledged') known.isTold ||= !writerLives || isThere;
      if (known.state === 'pending' && !writerLives) this.settle(known, spool);
    }
    this.#compare(spool, (delivery) => (wasPowerCut ? [delivery.sure, ...delivery.unsure] : [now(delivery)]), true);
    for (const [key, entry] of this.states) {
      const value = spool.state(key);
      const allowed = wasPowerCut ? [entry.sure, ...entry.unsure] : [entry.unsure.at(-1) ?? entry.sure];
      assert.ok(
        allowed.some((box) => box.value === value),
        `state ${key} is ${String(value)}; may: ${JSON.stringify(allowed)}`,
      );
      entry.sure = { value };
      entry.unsure = [];
    }
  }

  #compare(spool: Spool, allowed: (delivery: Delivery) => readonly Fate[], isAdopted: boolean): void {
    const waiting: MessageId[] = [];
    for (const known of this.known.values()) {
      const { id, idempotencyKey } = known.message;
      const queued = spool.message(id);
      if (!known.isTold) {
        assert.equal(queued, undefined, `${known.state} and not told, but it waits: ${id}`);
        continue;
      }
      if (queued !== undefined) waiting.push(id);
      for (const [index, delivery] of known.deliveries.entries()) {
        const found = queued?.waiting.find((one) => one.index === index);
        const fate = allowed(delivery).find((one) =>
          found === undefined
            ? one.isOver
            : !one.isOver && one.dueAt === found.dueAt && one.attempts === found.attempts,
        );
        const says = found === undefined ? 'is over' : `waits for ${found.dueAt} (${found.attempts})`;
        assert.ok(fate !== undefined, `${id}/${index} ${says}; may: ${JSON.stringify(allowed(delivery))}`);
        if (isAdopted) Object.assign(delivery, { sure: fate, unsure: [] });
      }
      if (idempotencyKey !== undefined) assert.equal(spool.claim('app', idempotencyKey)?.messageId, id, 'claim');
    }
    assert.deepEqual(spool.ids(10_000), waiting.toSorted(), 'ids');
    assert.equal(spool.counts.messages, waiting.length, 'messages counted');
    this.#compareQueues(spool);
  }

  #compareQueues(spool: Spool): void {
    const queues = new Map<string, string[]>();
    const names = new Map<string, ReturnType<typeof queueOf>>();
    for (const { known, index } of this.waiting()) {
      const name = queueOf(known.message, index);
      const key = queueKey(name);
      names.set(key, name);
      const dueAt = String(now(known.deliveries[index]!).dueAt).padStart(15, '0');
      queues.set(key, [...(queues.get(key) ?? []), `${dueAt} ${known.message.id} ${index}`]);
    }
    const summaries = [...spool.queues()];
    assert.deepEqual(summaries.map(({ queue }) => queueKey(queue)).toSorted(), [...queues.keys()].toSorted(), 'queues');
    for (const { queue, waiting, firstDueAt } of summaries) {
      const due = spool.due(queue, 10_000);
      const texts = due.map((one) => `${String(one.dueAt).padStart(15, '0')} ${one.messageId} ${one.index}`);
      assert.deepEqual(texts, queues.get(queueKey(queue))?.toSorted(), 'order');
      assert.equal(waiting, due.length, 'waiting counted');
      assert.equal(firstDueAt, due[0]?.dueAt, 'first due');
      assert.deepEqual(spool.due(queue, 2, due[0]), due.slice(1, 3), 'read on');
    }
  }

  /** Every record that waits can be read, octet for octet. */
  async read(spool: Spool, disk: Disk): Promise<void> {
    const reader = new SegmentReader(disk);
    for (const id of spool.ids(10_000)) {
      const { location } = spool.message(id)!;
      const record = await reader.read(location);
      const chunks: Uint8Array[] = [];
      for await (const chunk of record.content()) chunks.push(chunk);
      assert.ok(Buffer.concat(chunks).equals(this.known.get(id)!.content), 'content');
      assert.deepEqual(record.message, this.known.get(id)!.message);
    }
    await reader.close();
  }
}

export function now(delivery: Delivery): Fate {
  return delivery.unsure.at(-1) ?? delivery.sure;
}
