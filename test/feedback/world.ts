// The scheduler and the feedback stage on a memory spool and a fake clock. Reports are kept in memory, read as octets,
// and delivered by the same fake egress as all other mail.
import { silentLog } from '../../src/base/log.ts';
import { createFeedback, type FeedbackStage } from '../../src/feedback/feedback.ts';
import type { FeedbackOptions } from '../../src/feedback/options.ts';
import type { AlarmEvent } from '../../src/flow/event.ts';
import type { Location, Message } from '../../src/flow/message.ts';
import { DamagedRecord, type MessageReader, type MessageWriter } from '../../src/flow/spool.ts';
import { DEFAULT_STREAM } from '../../src/scheduler/options.ts';
import { type FeedbackGround, HOUR, MINUTE, OPTIONS, World, type WorldOptions } from '../scheduler/world.ts';

export const REPORTING: FeedbackOptions = {
  hostName: 'relay.example',
  streams: { default: 'failure', bulk: 'never', news: 'failure-and-delay' },
  delayAfterMs: 4 * HOUR,
  perReversePath: { count: 100, perMs: HOUR },
  total: { count: 1200, perMs: MINUTE },
  returnOctetsMax: 50_000,
  owedMax: 100_000,
  system: { lifetimeMs: 48 * HOUR, fromRoutes: [] },
};

/** A report as it was kept. */
export interface Kept {
  readonly message: Message;
  readonly content: Buffer;
  readonly text: string;
}

export const CONTENT = Buffer.from(
  'From: app@example.org\r\nTo: somebody\r\nSubject: Your order\r\nMessage-ID: <1@example.org>\r\n\r\nThanks.\r\n',
);

export class FeedbackWorld extends World {
  readonly kept: Kept[];
  readonly alarms: AlarmEvent[];
  readonly stage: FeedbackStage;
  /** Records that the reader does not find any more. */
  readonly gone: Set<number>;

  constructor(given: WorldOptions & { readonly reporting?: Partial<FeedbackOptions> } = {}) {
    const kept: Kept[] = [];
    const alarms: AlarmEvent[] = [];
    const gone = new Set<number>();
    const made: { stage?: FeedbackStage } = {};
    const streams = { ...OPTIONS.streams, system: DEFAULT_STREAM, bulk: DEFAULT_STREAM, news: DEFAULT_STREAM };
    const feedback = (ground: FeedbackGround): FeedbackStage => {
      const deps = {
        ...ground,
        log: silentLog,
        reader: readerOf(() => this.records, gone),
        writer: writerInto(kept),
        raise: (alarm: AlarmEvent) => void alarms.push(alarm),
      };
      made.stage = createFeedback({ ...REPORTING, ...given.reporting }, deps);
      return made.stage;
    };
    super({ ...given, options: given.options ?? { ...OPTIONS, streams }, feedback });
    this.kept = kept;
    this.alarms = alarms;
    this.gone = gone;
    this.stage = made.stage as FeedbackStage;
  }

  async start(): Promise<void> {
    this.stage.start();
    await this.scheduler.start();
  }

  /** With a content that can be read back. */
  submit(domains: readonly string[], also: Partial<Message> = {}): Message {
    return this.accept(domains, { size: CONTENT.length, ...also });
  }

  override async end(): Promise<void> {
    await this.stage.stop();
    await super.end();
  }
}

function readerOf(records: () => ReadonlyMap<number, Message>, gone: ReadonlySet<number>): MessageReader {
  return {
    read: async ({ offset }) => {
      const message = records().get(offset);
      if (message === undefined || gone.has(offset)) throw new DamagedRecord('not there');
      return {
        message,
        whole: CONTENT,
        async *content() {
          yield CONTENT;
        },
      };
    },
    close: async () => {},
  };
}

function writerInto(kept: Kept[]): MessageWriter {
  let offset = 4096;
  return {
    append: async (message, content): Promise<Location> => {
      const octets = Buffer.concat(content as readonly Uint8Array[]);
      kept.push({ message, content: octets, text: octets.toString() });
      offset += octets.length;
      return { segment: 'f', offset, length: octets.length };
    },
    stage: () => Promise.reject(new Error('a report is small')),
    syncAgeMs: () => 0,
    close: async () => {},
  };
}
