import type { Checkpoint, RowRange, TensorInfo } from '../checkpoint/checkpoint.js';
import type { WeightSource } from '../model/matrices.js';
import type { Fold } from './folds.js';

/** A fold, and by what it divides each input. */
export interface ScaledFold extends Fold {
  /** `[cols]` */
  readonly scales: Float64Array;
}

/** Multiplies columns by scales, or divides rows, or the elements of a vector, from `start` on; what is held is less `offset`. */
interface Edit {
  readonly kind: 'columns' | 'rows';
  readonly scales: Float64Array;
  readonly start: number;
  readonly offset: number;
}

/**
 * A checkpoint of the same model whose norms and matrices hold the folds. Tensors that they change are F32 in it.
 * @param normOffset what the model adds to the weight of a norm as it is held
 */
export function foldedSource(
  checkpoint: Checkpoint,
  folds: readonly ScaledFold[],
  normOffset: number,
): WeightSource {
  const edits = editsOf(folds, normOffset);
  const { tensors, metadata } = checkpoint;
  const readF32 = async (name: string, rows?: RowRange): Promise<Float32Array<ArrayBuffer>> => {
    const values = await checkpoint.readF32(name, rows);
    const cols = tensors.get(name)?.shape[1] ?? 1;
    for (const edit of edits.get(name) ?? []) apply(edit, values, cols, rows?.start ?? 0);
    return values;
  };
  const changed = new Map([...tensors].map(([name, info]) => [name, edits.has(name) ? inF32(info) : info]));
  return {
    tensors: changed,
    metadata,
    readF32,
    read: async (name, rows) => {
      const info = changed.get(name);
      if (info === undefined || !edits.has(name)) return checkpoint.read(name, rows);
      return { info, data: new Uint8Array((await readF32(name, rows)).buffer) };
    },
    close: () => checkpoint.close(),
  };
}

function inF32(info: TensorInfo): TensorInfo {
  const elements = info.shape.reduce((product, size) => product * size, 1);
  return { ...info, dtype: 'F32', bytes: 4 * elements };
}

function editsOf(folds: readonly ScaledFold[], normOffset: number): ReadonlyMap<string, readonly Edit[]> {
  const edits = new Map<string, Edit[]>();
  const add = (name: string | null, edit: Edit) => {
    if (name !== null) edits.set(name, [...(edits.get(name) ?? []), edit]);
  };
  for (const { producer, consumers, scales } of folds) {
    for (const name of consumers) add(name, { kind: 'columns', scales, start: 0, offset: 0 });
    if (producer.kind === 'norm') {
      add(producer.weight, { kind: 'rows', scales, start: 0, offset: normOffset });
      add(producer.bias, { kind: 'rows', scales, start: 0, offset: 0 });
    } else {
      const { names, start } = producer;
      for (const name of [names.weight, names.bias]) add(name, { kind: 'rows', scales, start, offset: 0 });
    }
  }
  return edits;
}

/** @param values of rows from `firstRow` on, in place */
function apply(
  { kind, scales, start, offset }: Edit,
  values: Float32Array,
  cols: number,
  firstRow: number,
): void {
  for (let i = 0; i < values.length; i++) {
    if (kind === 'columns') values[i] *= scales[i % cols];
    else {
      const row = firstRow + Math.floor(i / cols) - start;
      if (row >= 0 && row < scales.length) values[i] = (values[i] + offset) / scales[row] - offset;
    }
  }
}
