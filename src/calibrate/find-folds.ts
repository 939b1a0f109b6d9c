import type { Checkpoint } from '../checkpoint/checkpoint.js';
import type { FoldScales } from './fold-scales.js';
import type { ScaledFold } from './folded-source.js';
import type { Fold, Producer } from './folds.js';
import type { InputStats } from './method.js';

export interface FindFolds {
  readonly checkpoint: Checkpoint;
  readonly folds: readonly Fold[];
  /** Of the model as it is: a gatherer's, to which nothing was replaced. */
  readonly statsOf: (tensor: string) => Promise<InputStats | null>;
  readonly scales: FoldScales;
  /** Producers that scales are folded into; absent, all. */
  readonly kinds?: readonly Producer['kind'][];
}

/** Scales of the folds of a model, for `foldedSource`, without those that are better left alone. */
export async function findFolds({
  checkpoint,
  folds,
  statsOf,
  scales,
  kinds,
}: FindFolds): Promise<readonly ScaledFold[]> {
  const found: ScaledFold[] = [];
  for (const fold of folds) {
    if (kinds?.includes(fold.producer.kind) === false) continue;
    const stats = await statsOf(fold.consumers[0]);
    if (stats === null) continue;
    const matrices = [];
    for (const name of fold.consumers) {
      const values = await checkpoint.readF32(name);
      matrices.push({ values, rows: values.length / fold.cols });
    }
    const chosen = scales({ matrices, cols: fold.cols, stats });
    if (chosen !== null) found.push({ ...fold, scales: chosen });
  }
  return found;
}
