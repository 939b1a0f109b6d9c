import { open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../errors.js';
import { isMissing, JOURNAL_FILE } from './outputs.js';

/** What is kept of a tensor that is done. */
export interface JournalEntry {
  readonly tensor: string;
  readonly error: number | null;
  readonly notes: readonly string[];
  readonly seconds: number;
}

/**
 * What an unfinished output folder tells of itself: a line for the job, and one for each tensor that is on the disk. So a job that was killed goes
 * on where it was.
 */
export class Journal {
  private constructor(
    readonly file: string,
    readonly done: ReadonlyMap<string, JournalEntry>,
  ) {}

  /** @param fingerprint of all that decides the output's bytes. Throws UserError where the folder is of another job. */
  static async open(dir: string, fingerprint: string): Promise<Journal> {
    const file = join(dir, JOURNAL_FILE);
    const [first, ...entries] = await readLines(file);
    if (first !== undefined && (first as { job?: unknown }).job !== fingerprint) {
      throw new UserError(
        `${dir}: is of another job, whose model, options or calibration text differ; --overwrite begins anew`,
      );
    }
    const lines = [{ job: fingerprint }, ...entries].map((line) => `${JSON.stringify(line)}\n`);
    await writeFile(`${file}.new`, lines.join(''));
    await rename(`${file}.new`, file);
    const done = (entries as JournalEntry[]).map((entry) => [entry.tensor, entry] as const);
    return new Journal(file, new Map(done));
  }

  /** Resolves when the line is on the disk. */
  async add(entry: JournalEntry): Promise<void> {
    const handle = await open(this.file, 'a');
    try {
      await handle.write(`${JSON.stringify(entry)}\n`);
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }
}

/** Whole lines: the last one may have been cut off. */
async function readLines(file: string): Promise<readonly object[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return '';
    throw error;
  });
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as object);
}
