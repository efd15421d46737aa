// Is every file of the spool of a format this program reads? Asked before anything is changed.
import { EXIT, OperatorError } from '../base/errors.ts';
import { INDEX_FORMAT, readMarks } from './checkpoint.ts';
import type { Disk } from './disk.ts';
import { decodeFileHead, FIRST_BLOCK, NewerFormat } from './file-head.ts';
import type { IndexStore } from './index-store.ts';
import { isJournalName, isSegmentName, JOURNAL, SEGMENTS } from './layout.ts';

/** Throws OperatorError with exit code 78. */
export async function checkFormats(disk: Disk): Promise<void> {
  for (const [folder, isName] of [
    [SEGMENTS, isSegmentName],
    [JOURNAL, isJournalName],
  ] as const) {
    for (const name of disk.list(folder)) if (isName(name)) await checkFile(disk, `${folder}/${name}`);
  }
}

async function checkFile(disk: Disk, path: string): Promise<void> {
  const file = disk.openRead(path);
  try {
    const block = Buffer.alloc(FIRST_BLOCK);
    decodeFileHead(block.subarray(0, await file.read(block, 0)));
  } catch (error) {
    if (error instanceof NewerFormat) throw newer(`${path} is of ${error.message}`);
    throw error;
  } finally {
    file.close();
  }
}

/** Throws OperatorError with exit code 78. */
export function checkIndexFormat(store: IndexStore): void {
  const marks = readMarks((key) => store.get(key));
  if (marks !== undefined && marks.format > INDEX_FORMAT) {
    throw newer(`the index is of format ${marks.format}; this program reads up to ${INDEX_FORMAT}`);
  }
}

function newer(what: string): OperatorError {
  return new OperatorError(`spool: ${what}: use the newer release again, nothing was changed`, EXIT.configuration);
}
