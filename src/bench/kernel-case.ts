import type { ModelConfig } from '../model/config.js';
import type { BatchBuffers, Ops, Tensor } from '../ops/ops.js';
import { elementBytes } from '../webgpu/rows.js';
import type { RandomWords } from './random-weights.js';

/** One operation at one shape, ready to run. */
export interface KernelCase {
  /** The operation, and for a matrix product which one of the model: `linear qkv`. */
  readonly name: string;
  /** For a matrix product `outputs × inputs`. */
  readonly shape: string;
  readonly tokens: number;
  /** Bytes that must move: each operand read or written once. */
  readonly bytes: number;
  /** Multiply-adds of matrix products and attention; null for other operations. */
  readonly multiplyAdds: number | null;
  /** @param turn counts the runs: a weight that fits a cache is there several times, and each run takes the next copy */
  readonly enqueue: (turn: number) => void;
}

/** What cases run on. Tensors are made for the most tokens, and shared. */
export interface CaseContext<B> {
  readonly ops: Ops<B>;
  readonly config: ModelConfig;
  readonly random: RandomWords;
  readonly maxTokens: number;
  /** Of `benchCapacity`. */
  readonly batch: BatchBuffers<B>;
  /** u32 `[MAX_LOGITS_ROWS][RESULT.words]` */
  readonly results: Tensor<B>;
  /** Bytes that the copies of a weight take together, so that caches cannot hold them; 0 where one copy is enough. */
  readonly workingSetBytes: number;
}

/** Bytes of a row without its padding. */
export function rowBytes({ cols, type }: Pick<Tensor<unknown>, 'cols' | 'type'>): number {
  return cols * elementBytes(type);
}
