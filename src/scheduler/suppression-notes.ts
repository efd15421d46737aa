// What changed on the suppression list, for people who read the journal: a note for each entry, or one for many.
import type { NoteEvent } from '../flow/event.ts';
import type { Suppression } from '../flow/suppression.ts';

/** Notes of one change: an import says how many, not each. */
const NOTES_MAX = 20;

export type SuppressionNote = 'suppressed' | 'suppression-removed' | 'suppression-lifted';

export class SuppressionNotes {
  readonly #notes: { readonly note: SuppressionNote; readonly by: string; readonly entry: Suppression }[] = [];

  add(note: SuppressionNote, by: string, entry: Suppression): void {
    this.#notes.push({ note, by, entry });
  }

  events(at: number): readonly NoteEvent[] {
    const [first] = this.#notes;
    if (first !== undefined && this.#notes.length > NOTES_MAX) {
      const detail = { entries: this.#notes.length };
      return [{ type: 'note', at, note: 'suppression-import', by: first.by, detail }];
    }
    return this.#notes.map(({ note, by, entry }) => ({ type: 'note', at, note, by, detail: { ...entry } }));
  }
}
