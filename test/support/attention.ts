import type { BatchBuffers, KvCache, KvType, Ops, Tensor } from '#halflight/ops/ops.js';
import type { WebGpuOps } from '#halflight/webgpu/ops.js';
import { CAPACITY, type Chunk, randomBatch } from './batches.js';
import { filledCache, type HeadShape } from './cases-batch.js';
import { compareWithReference, filled, poisoned } from './compare.js';
import type { Random } from './random.js';
import { OPERATION_TOLERANCES } from './tolerances.js';

/** Blocks that every slot of a long context needs: the block tables of the tests' batches have 40 columns. */
const LONG_POOL = { numBlocks: 48, blockSize: 128 };
const SHORT_POOL = { numBlocks: 64, blockSize: 16 };

function decodes(contextLens: readonly number[]): readonly Chunk[] {
  return contextLens.map((length) => ({ start: length - 1, count: 1 }));
}

export const LONG = decodes([1, 127, 4000, 129, 1000]);
export const SHORT = decodes([129, 2, 300]);
export const BESIDE_RUN: readonly Chunk[] = [...decodes([129]), { start: 5, count: 11 }, ...decodes([300])];

export interface AttentionOptions {
  readonly type: KvType;
  readonly window: number | null;
  readonly sinks?: boolean;
  readonly softCap?: number;
}

interface Attention<B> {
  readonly batch: BatchBuffers<B>;
  readonly q: Tensor<B>;
  readonly cache: KvCache<B>;
  readonly out: Tensor<B>;
  readonly numHeads: number;
  readonly scale: number;
  readonly window: number | null;
  readonly sinks: Tensor<B> | null;
  readonly softCap?: number;
  readonly rows: number;
}

export function attentionOf<B>(
  ops: Ops<B>,
  random: Random,
  chunks: readonly Chunk[],
  { numHeads, ...heads }: HeadShape,
  { type, window, sinks = false, softCap }: AttentionOptions,
): Attention<B> {
  const pool = chunks === LONG ? LONG_POOL : SHORT_POOL;
  const batch = ops.batch(CAPACITY);
  const tokens = randomBatch(random, chunks, pool);
  ops.writeBatch(batch, tokens);
  const { numTokens: rows } = tokens;
  const cache = filledCache(ops, random, { ...pool, ...heads, type });
  const q = filled(ops, random, rows, numHeads * heads.headDim);
  const out = poisoned(ops, rows, numHeads * heads.headDim, ops.computeType);
  const sink = sinks ? ops.constant(random.values(numHeads), 1, numHeads) : null;
  return { batch, q, cache, out, numHeads, scale: 0.5, window, sinks: sink, softCap, rows };
}

/** The first difference from the reference, or null. */
export function differenceOf(
  ops: WebGpuOps,
  chunks: readonly Chunk[],
  heads: HeadShape,
  options: AttentionOptions,
): Promise<string | null> {
  return compareWithReference(
    ops,
    (backend, random) => {
      const attention = attentionOf(backend, random, chunks, heads, options);
      backend.attention(attention);
      return { out: attention.out, rows: attention.rows };
    },
    OPERATION_TOLERANCES[ops.computeType],
  );
}

export const KV_TYPES = ['f32', 'f16', 'int8', 'int4'] as const;

export const GROUPED = { numHeads: 4, numKvHeads: 2, headDim: 64 };

export const SHAPES: readonly HeadShape[] = [
  { numHeads: 3, numKvHeads: 1, headDim: 64 },
  { numHeads: 2, numKvHeads: 2, headDim: 96 },
  { numHeads: 8, numKvHeads: 2, headDim: 128 },
  { numHeads: 4, numKvHeads: 2, headDim: 80 },
  { numHeads: 6, numKvHeads: 2, headDim: 256 },
];
