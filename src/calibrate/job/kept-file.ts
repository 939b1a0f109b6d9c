import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './outputs.js';

interface Kept<T> {
  readonly job: string;
  readonly found: T;
}

/**
 * What a job finds before it writes, as JSON has it: what an earlier run of it has left in the unfinished folder, else what `find` gives, which is left
 * there. So what goes on does so with the same numbers, to the bit.
 * @param fingerprint of the job
 */
export async function keptResult<T>(
  dir: string,
  name: string,
  fingerprint: string,
  find: () => Promise<T>,
): Promise<T> {
  const file = join(dir, name);
  const kept = await readKept<T>(file);
  if (kept?.job === fingerprint) return kept.found;
  const found = await find();
  await writeFile(`${file}.new`, JSON.stringify({ job: fingerprint, found } satisfies Kept<T>));
  await rename(`${file}.new`, file);
  return found;
}

async function readKept<T>(file: string): Promise<Kept<T> | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Kept<T>;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
