import type { Rounding } from '../../quant/rounding.js';
import type { PackedWeight, WeightFormat } from '../../quant/weight.js';
import type { Checkpoint, RowRange, TensorInfo } from '../checkpoint.js';
import type { Fields } from '../fields.js';

/** A matrix `[N, K]`, or those of all experts `[experts, N, K]`, that a checkpoint holds in codes, under several names or in a type of its own. */
export interface QuantizedMatrix {
  /** Path of the module; the matrix is its `weight`. */
  readonly module: string;
  /** The name of the matrix, where it is another. */
  readonly tensor?: string;
  readonly shape: readonly number[];
  /** As the file holds it, for people: `GPTQ 4-bit g128`. */
  readonly storedAs: string;
  /** As it lies in memory. */
  readonly format: WeightFormat;
  /** The order of its columns in memory; absent where it is their own. */
  readonly columns?: Uint32Array;
  /** How activations are rounded before they meet it, and the step of codes that products are rounded to; absent where they are not. */
  readonly rounding?: Rounding;
  readonly outputStep?: number;
  /** The tensors that it is made of, its codes first. */
  readonly parts: readonly TensorInfo[];
  /** Whether a range of the first size of its shape can be read without the rest. */
  readonly readsRanges?: true;
  /** Rejects with CheckpointError where a value cannot be right. */
  read(range?: RowRange): Promise<PackedWeight>;
}

/**
 * Finds the matrices of one format, by tensors that only it has. Reads no more than their shapes depend on.
 * @param config the object that names `quant_method`, of config.json or a file of its own
 * Rejects with CheckpointError for keys that change the result and are not understood, and for tensors that contradict the configuration.
 */
export type FindMatrices = (checkpoint: Checkpoint, config: Fields) => Promise<readonly QuantizedMatrix[]>;

/** A format's name with what varies in it: `GPTQ 4-bit g128`. @param groupSize null for one scale per row */
export function storedName(name: string, bits: number, groupSize: number | null): string {
  return `${name} ${bits}-bit${groupSize === null ? '' : ` g${groupSize}`}`;
}
