import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ScaledFold } from '../folded-source.js';
import { isMissing } from './outputs.js';

export const FOLDS_FILE = 'quantization-folds.json';

interface Kept {
  readonly job: string;
  readonly folds: readonly (Omit<ScaledFold, 'scales'> & { readonly scales: readonly number[] })[];
}

/**
 * The folds of a job: those that an earlier run of it has left in the unfinished folder, else what `find` gives, which is left there. So what goes
 * on is folded by the same numbers, to the bit.
 * @param fingerprint of the job
 */
export async function keptFolds(
  dir: string,
  fingerprint: string,
  find: () => Promise<readonly ScaledFold[]>,
): Promise<readonly ScaledFold[]> {
  const file = join(dir, FOLDS_FILE);
  const kept = await readKept(file);
  if (kept?.job === fingerprint)
    return kept.folds.map((fold) => ({ ...fold, scales: Float64Array.from(fold.scales) }));
  const folds = await find();
  const plain = folds.map((fold) => ({ ...fold, scales: [...fold.scales] }));
  await writeFile(`${file}.new`, JSON.stringify({ job: fingerprint, folds: plain } satisfies Kept));
  await rename(`${file}.new`, file);
  return folds;
}

async function readKept(file: string): Promise<Kept | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Kept;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
