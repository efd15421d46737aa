// Whether so much of a campaign goes wrong that it is better held: the share of bounces, of replies that call it spam and
// of blocks, over a sliding window. Pure: told what was answered and when; no clock, no chance.
import type { OutcomeEvent } from '../flow/event.ts';

export interface BreakerPolicy {
  readonly isEnabled: boolean;
  readonly windowMs: number;
  /** Answers in the window below which nothing is concluded. */
  readonly sampleMin: number;
  /** Of what was answered, 0 to 1. At or over it the campaign is held. */
  readonly bounceShare: number;
  readonly spamShare: number;
  readonly blockShare: number;
}

/** bounces: the recipient is not there. spam: the content is refused. blocks: we, or the sending domain, are. */
export type Mishap = 'bounces' | 'spam' | 'blocks';

export interface Figures {
  readonly answered: number;
  readonly bounces: number;
  readonly spam: number;
  readonly blocks: number;
}

/** Why a campaign is held. */
export interface Trip extends Figures {
  readonly what: Mishap;
  readonly windowMs: number;
  /** The limit that was reached. */
  readonly share: number;
}

/** Of the class `content` these speak of what is written; the others of size and form. */
const SPAM = new Set(['spam-content', 'virus', 'content-rejected', 'complaint']);

/** How one outcome counts; undefined: not at all. A deferral counts only when it blames the mail or its sender. */
export function countsAs(event: OutcomeEvent): Mishap | 'neither' | undefined {
  const { outcome, category } = event;
  if (outcome === 'delivered') return event.decidedAt === undefined ? undefined : 'neither';
  if (outcome !== 'failed' && outcome !== 'deferred') return undefined;
  if (event.class === 'block') return 'blocks';
  if (SPAM.has(category)) return 'spam';
  if (outcome === 'deferred') return undefined;
  return event.class === 'hard' ? 'bounces' : 'neither';
}

/** Parts of a window: the finer, the sooner an answer is forgotten. */
const SLOTS = 12;

type Slot = [number: number, answered: number, bounces: number, spam: number, blocks: number];

/** What the answers of a window were. Plain numbers, so that a restart can take them up again. */
export class Window {
  readonly windowMs: number;
  readonly #slots: Slot[];

  constructor(windowMs: number, kept?: unknown) {
    this.windowMs = windowMs;
    this.#slots = slotsOf(kept, windowMs);
  }

  add(what: Mishap | 'neither', at: number): void {
    // Of a clock that was set back the newest part goes on.
    const number = Math.max(Math.floor(at / this.#slotMs), this.#slots.at(-1)?.[0] ?? 0);
    let slot = this.#slots.at(-1);
    if (slot?.[0] !== number) {
      slot = [number, 0, 0, 0, 0];
      this.#slots.push(slot);
      while ((this.#slots[0]?.[0] ?? number) <= number - SLOTS) this.#slots.shift();
    }
    slot[1]++;
    if (what !== 'neither') slot[INDEX[what]]++;
  }

  figures(now: number): Figures {
    const oldest = Math.floor(now / this.#slotMs) - SLOTS;
    const total = { answered: 0, bounces: 0, spam: 0, blocks: 0 };
    for (const [number, answered, bounces, spam, blocks] of this.#slots) {
      if (number <= oldest) continue;
      total.answered += answered;
      total.bounces += bounces;
      total.spam += spam;
      total.blocks += blocks;
    }
    return total;
  }

  /** For the constructor of a later life. */
  toJSON(): object {
    return { windowMs: this.windowMs, slots: this.#slots };
  }

  get #slotMs(): number {
    return this.windowMs / SLOTS;
  }
}

const INDEX = { bounces: 2, spam: 3, blocks: 4 } as const;

/** Figures of another window say nothing about this one. */
function slotsOf(kept: unknown, windowMs: number): Slot[] {
  const found = kept as { windowMs?: unknown; slots?: unknown } | undefined;
  if (found?.windowMs !== windowMs || !Array.isArray(found.slots)) return [];
  const isSlot = (slot: unknown): slot is Slot =>
    Array.isArray(slot) && slot.length === 5 && slot.every((number) => Number.isSafeInteger(number));
  return found.slots.filter(isSlot).slice(-SLOTS);
}

/** Why it must be held now; undefined: it may go on. */
export function tripOf(policy: BreakerPolicy, figures: Figures): Trip | undefined {
  if (!policy.isEnabled || figures.answered < policy.sampleMin) return undefined;
  const limits = [
    ['blocks', policy.blockShare],
    ['spam', policy.spamShare],
    ['bounces', policy.bounceShare],
  ] as const;
  for (const [what, share] of limits) {
    if (figures[what] > 0 && figures[what] >= share * figures.answered) {
      return { ...figures, what, share, windowMs: policy.windowMs };
    }
  }
  return undefined;
}
