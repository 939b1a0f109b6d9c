import type { ScaledFold } from '../folded-source.js';
import { keptResult } from './kept-file.js';

export const FOLDS_FILE = 'quantization-folds.json';

/** The folds of a job, found once: see `keptResult`. */
export async function keptFolds(
  dir: string,
  fingerprint: string,
  find: () => Promise<readonly ScaledFold[]>,
): Promise<readonly ScaledFold[]> {
  const kept = await keptResult(dir, FOLDS_FILE, fingerprint, async () => {
    const folds = await find();
    return folds.map((fold) => ({ ...fold, scales: [...fold.scales] }));
  });
  return kept.map((fold) => ({ ...fold, scales: Float64Array.from(fold.scales) }));
}
