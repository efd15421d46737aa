// The accounting of settled deliveries in files: a new one each day and at each size limit, old ones deleted by age and
// by their sum. A shadow of the journal: lines are written within a moment, not synced, and a full disk costs lines
// here, never mail.
import { closeSync, mkdirSync, openSync, readdirSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { OutcomeEvent } from '../flow/event.ts';
import { CSV_HEAD, csvLine, jsonLine } from './accounting-line.ts';

export interface AccountingOptions {
  readonly folder: string;
  readonly format: 'json' | 'csv';
  /** Files whose last line is older are deleted. */
  readonly keepMs: number;
  /** Octets of all files; of more the oldest are deleted. */
  readonly keepOctets: number;
  /** Octets of one file. */
  readonly fileOctets?: number;
}

const FILE_OCTETS = 100 * 1024 * 1024;
const FLUSH_MS = 200;
const BUFFER_CHARS = 64 * 1024;
const PRUNE_MS = 3_600_000;

export class AccountingFile {
  readonly #options: AccountingOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  #lines = '';
  #timer: Timer | undefined;
  #fd: number | undefined;
  #day = '';
  #octets = 0;
  #prunedAt = -Infinity;
  #isFailing = false;

  /** Makes the folder. Throws when it cannot. */
  constructor(options: AccountingOptions, clock: Clock, log: Log) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    mkdirSync(options.folder, { recursive: true, mode: 0o750 });
  }

  /** Terminal outcomes only are written. */
  write(event: OutcomeEvent): void {
    if (event.outcome === 'deferred') return;
    this.#lines += this.#options.format === 'csv' ? csvLine(event) : jsonLine(event);
    if (this.#lines.length >= BUFFER_CHARS) this.flush();
    else this.#timer ??= this.#clock.after(FLUSH_MS, () => this.flush());
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#lines === '') return;
    const lines = this.#lines;
    this.#lines = '';
    try {
      const fd = this.#fileFor(lines.length);
      const octets = Buffer.from(lines);
      for (let at = 0; at < octets.length; ) at += writeSync(fd, octets, at);
      this.#octets += octets.length;
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#log.error({ error, folder: this.#options.folder }, 'accounting lines are lost');
      this.#isFailing = true;
      this.#leave();
    }
  }

  close(): void {
    this.flush();
    this.#leave();
  }

  #leave(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #fileFor(more: number): number {
    const day = new Date(this.#clock.now()).toISOString().slice(0, 10).replaceAll('-', '');
    const { fileOctets = FILE_OCTETS } = this.#options;
    if (this.#fd !== undefined && (day !== this.#day || this.#octets + more > fileOctets)) this.#leave();
    if (this.#fd === undefined) this.#fd = this.#open(day, fileOctets);
    if (this.#clock.monotonic() - this.#prunedAt >= PRUNE_MS) this.#prune();
    return this.#fd;
  }

  /** Goes on in the day's last file while it has room, so that restarts do not multiply files. */
  #open(day: string, fileOctets: number): number {
    const { folder, format } = this.#options;
    const prefix = `deliveries-${day}-`;
    const last = this.#names().findLast((name) => name.startsWith(prefix));
    let number = last === undefined ? 1 : Number(last.slice(prefix.length, prefix.length + 4));
    if (last !== undefined && statSync(join(folder, last)).size >= fileOctets) number++;
    const path = join(folder, `${prefix}${String(number).padStart(4, '0')}.${format === 'csv' ? 'csv' : 'jsonl'}`);
    const fd = openSync(path, 'a', 0o640);
    this.#day = day;
    this.#octets = statSync(path).size;
    if (this.#octets === 0 && format === 'csv') this.#octets += writeSync(fd, CSV_HEAD);
    this.#prunedAt = -Infinity;
    return fd;
  }

  /** Oldest first. */
  #names(): readonly string[] {
    const ending = this.#options.format === 'csv' ? 'csv' : 'jsonl';
    const form = new RegExp(`^deliveries-\\d{8}-\\d{4}\\.${ending}$`);
    return readdirSync(this.#options.folder)
      .filter((name) => form.test(name))
      .toSorted();
  }

  #prune(): void {
    this.#prunedAt = this.#clock.monotonic();
    const { folder, keepMs, keepOctets, fileOctets = FILE_OCTETS } = this.#options;
    const files = this.#names().map((name) => ({ name, ...pick(statSync(join(folder, name))) }));
    // The last one is being written, and may become as large as one may be.
    let sum = files.slice(0, -1).reduce((octets, file) => octets + file.size, fileOctets);
    for (const { name, size, mtimeMs } of files.slice(0, -1)) {
      if (this.#clock.now() - mtimeMs < keepMs && sum <= keepOctets) break;
      unlinkSync(join(folder, name));
      sum -= size;
    }
  }
}

function pick({ size, mtimeMs }: { size: number; mtimeMs: number }): { size: number; mtimeMs: number } {
  return { size, mtimeMs };
}
