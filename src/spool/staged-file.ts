// Content of one large message on its way to a file of its own. States: open (chunks come) → sealed (durable, its
// record may be written) or discarded (removed). Until the record stands, the file is not mail: a start removes it.
import { InvariantError } from '../base/errors.ts';
import type { MessageId } from '../flow/message.ts';
import { SpoolFull, type Staged } from '../flow/spool.ts';
import { type Disk, type DiskFile, codeOf, isFull, isScarce } from './disk.ts';
import { LARGE } from './layout.ts';
import { NEVER, type SyncWatch } from './sync-watch.ts';

export class StagedFile implements Staged {
  readonly id: MessageId;
  readonly #disk: Disk;
  readonly #file: DiskFile;
  readonly #watch: SyncWatch;
  #mode: 'open' | 'sealed' | 'discarded' = 'open';
  #octets = 0;
  /** The last write begun: they go one after the other, whoever awaits them. */
  #tail: Promise<void> = Promise.resolve();

  private constructor(id: MessageId, disk: Disk, file: DiskFile, watch: SyncWatch) {
    this.id = id;
    this.#disk = disk;
    this.#file = file;
    this.#watch = watch;
  }

  /** Throws SpoolFull. */
  static create(id: MessageId, disk: Disk, watch: SyncWatch): StagedFile | undefined {
    try {
      return new StagedFile(id, disk, disk.openNew(`${LARGE}/${id}`), watch);
    } catch (error) {
      if (isScarce(error)) throw new SpoolFull(`no new file: ${codeOf(error)}`, { cause: error });
      void watch.fail(`opening a file in ${LARGE}: ${codeOf(error)}`);
      return undefined;
    }
  }

  get octets(): number {
    return this.#octets;
  }

  write(chunk: Uint8Array): Promise<void> {
    const written = this.#tail.then(() => this.#write(chunk));
    this.#tail = written.catch(() => {});
    return written;
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (this.#mode !== 'open') throw new SpoolFull('the file was given up');
    let written = 0;
    try {
      written = await this.#file.writev([chunk], this.#octets);
    } catch (error) {
      if (!isFull(error)) return this.#watch.fail(`write to ${this.#file.path}: ${codeOf(error)}`);
    }
    if (written < chunk.length) {
      await this.#remove();
      throw new SpoolFull('no room for the content');
    }
    this.#octets += written;
  }

  /** Makes content and folder entry durable. From here on `discard` does nothing. */
  async seal(): Promise<void> {
    await this.#tail;
    if (this.#mode !== 'open') throw new InvariantError(`staged content of ${this.id} is ${this.#mode}`);
    this.#mode = 'sealed';
    await this.#watch.run(this.#file.path, () => this.#file.fdatasync());
    await this.#watch.run(LARGE, () => this.#disk.syncFolder(LARGE));
    this.#file.close();
  }

  async discard(): Promise<void> {
    await this.#tail;
    if (this.#watch.dead) return NEVER;
    if (this.#mode === 'open') await this.#remove();
  }

  /** The record could not be written: the content goes too. */
  async unseal(): Promise<void> {
    if (this.#mode === 'sealed') await this.#remove();
  }

  async #remove(): Promise<void> {
    this.#mode = 'discarded';
    this.#file.close();
    // What stays because this failed is removed at the next start.
    await this.#disk.unlink(this.#file.path).catch(() => {});
  }
}
