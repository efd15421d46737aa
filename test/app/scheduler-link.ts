// Both ends of the scheduler's socket in one process, over real sockets in a folder of their own, on a fake clock.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { SchedulerDoor } from '../../src/app/scheduler-door.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Answer, Intake, Question, Refusal } from '../../src/flow/intake.ts';
import type { Accepted, MessageId } from '../../src/flow/message.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

export interface Place {
  readonly path: string;
  readonly clock: FakeClock;
  /** A scheduler that listens. */
  open(): Promise<SchedulerDoor>;
}

export function place(t: TestContext): Place {
  const folder = mkdtempSync(join(tmpdir(), 'postilion-'));
  const path = join(folder, 'run', 'scheduler.sock');
  const clock = new FakeClock();
  const doors: SchedulerDoor[] = [];
  t.after(async () => {
    for (const door of doors) await door.close();
    rmSync(folder, { recursive: true });
  });
  return {
    path,
    clock,
    async open() {
      const door = await SchedulerDoor.open({ path, clock, log: silentLog });
      doors.push(door);
      return door;
    },
  };
}

/** Turns of the event loop until it is so; the clock moves `stepMs` in each, for those who call again. */
export async function until(clock: FakeClock, holds: () => boolean, stepMs = 0): Promise<void> {
  for (let turn = 0; turn < 20_000; turn++) {
    if (holds()) return;
    if (stepMs > 0) await clock.advance(stepMs);
    else await settle();
  }
  throw new Error(`never so: ${holds.toString()}`);
}

/** A scheduler's intake that remembers. */
export class FakeIntake implements Intake {
  readonly asked: Question[] = [];
  readonly took: string[] = [];
  answer: (question: Question) => Promise<Answer> = () => Promise.resolve({ answer: 'yes' });
  refusal: Refusal | undefined;
  readonly gate = { refusal: () => this.refusal };

  ask(question: Question): Promise<Answer> {
    this.asked.push(question);
    return this.answer(question);
  }

  accepted(accepted: Accepted): void {
    this.took.push(accepted.message.id);
  }
}

export function acceptedRecord(id: string, segment: string, offset: number, idempotencyKey?: string): Accepted {
  const message = { id: id as MessageId, user: 'u', ...(idempotencyKey === undefined ? {} : { idempotencyKey }) };
  return { location: { segment, offset, length: 100 }, message: message as Accepted['message'] };
}
