import { ropeTable } from '#halflight/model/rope.js';
import type { BatchBuffers, KvCache, KvCacheShape, Ops, Tensor } from '#halflight/ops/ops.js';
import { CAPACITY, type Chunk, randomBatch } from './batches.js';
import type { Case } from './compare.js';
import { filled, poisoned } from './compare.js';
import type { Random } from './random.js';
import { randomWeight } from './weights.js';

const POOL = { numBlocks: 64, blockSize: 4 };
/** A decode over several tiles of the widest workgroup, a prefill from 0, a chunk in the middle, a sequence of one token. */
const CHUNKS: readonly Chunk[] = [
  { start: 150, count: 1 },
  { start: 0, count: 11 },
  { start: 9, count: 6 },
  { start: 0, count: 1 },
];

export function embedCase(format: string): [string, Case] {
  return [
    `embed ${format}, the table in two parts`,
    (ops, random) => {
      const table = ops.weight([randomWeight(random, format, 60, 72), randomWeight(random, format, 40, 72)]);
      const { batch, numTokens: rows } = startBatch(ops, random, CHUNKS);
      const out = poisoned(ops, rows, 72, 'f32');
      ops.embed({ batch, table, out, rows });
      return { out, rows };
    },
  ];
}

export function gatherCases(): [string, Case][] {
  return [
    [
      'gatherRows of each sequence’s last token',
      (ops, random) => {
        const { batch, numTokens } = startBatch(ops, random, CHUNKS);
        const x = filled(ops, random, numTokens, 50, 'f32');
        const out = poisoned(ops, CHUNKS.length, 50, 'f32');
        ops.gatherRows({ batch, x, out, rows: CHUNKS.length });
        return { out, rows: CHUNKS.length };
      },
    ],
  ];
}

interface HeadShape {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
}

/** Grouped heads, equal heads, an odd number of heads; head sizes below, at and above a workgroup's width. */
const HEADS: readonly HeadShape[] = [
  { numHeads: 4, numKvHeads: 2, headDim: 16 },
  { numHeads: 3, numKvHeads: 3, headDim: 64 },
  { numHeads: 6, numKvHeads: 2, headDim: 128 },
];

export function ropeCases(): [string, Case][] {
  return HEADS.flatMap((shape) =>
    (['q', 'k', 'v'] as const).flatMap((part) => [
      ropeCase(shape, { norm: false, part, rotaryDim: shape.headDim }),
      ropeCase(shape, { norm: true, part, rotaryDim: shape.headDim / 2 }),
    ]),
  );
}

/** Results are q, and the whole caches of k and v with the slots that stay empty. */
function ropeCase(
  shape: HeadShape,
  options: { norm: boolean; part: 'q' | 'k' | 'v'; rotaryDim: number },
): [string, Case] {
  return [`ropeAndCache ${JSON.stringify(shape)} ${JSON.stringify(options)}`, runRope(shape, options)];
}

function runRope(
  shape: HeadShape,
  options: { norm: boolean; part: 'q' | 'k' | 'v'; rotaryDim: number },
): Case {
  return (ops, random) => {
    const { numHeads, numKvHeads, headDim } = shape;
    const { batch, numTokens: rows } = startBatch(ops, random, CHUNKS);
    const qkv = filled(ops, random, rows, (numHeads + 2 * numKvHeads) * headDim);
    const norm = options.norm
      ? { weights: ops.constant(random.values(2 * headDim), 2, headDim), eps: 0.01 }
      : null;
    const table = ropeTable({ type: 'default', theta: 10_000, rotaryDim: options.rotaryDim }, 160);
    const rope = ops.constant(table, 160, options.rotaryDim);
    const q = poisoned(ops, rows, numHeads * headDim, ops.computeType);
    const cache = ops.kvCache({ ...POOL, numKvHeads, headDim });
    ops.ropeAndCache({ batch, qkv, q, cache, rope, rotaryDim: options.rotaryDim, norm, numHeads, rows });
    if (options.part === 'q') return { out: q, rows };
    return { out: cacheTensor(ops, cache, cache[options.part]), rows: 1 };
  };
}

export function attentionCases(): [string, Case][] {
  return HEADS.flatMap((shape) =>
    [null, 1, 5, 33, 70].map((window): [string, Case] => [
      `attention ${JSON.stringify(shape)} window ${window}`,
      attentionCase(shape, window),
    ]),
  );
}

function attentionCase(shape: HeadShape, window: number | null): Case {
  return (ops, random) => {
    const { numHeads, numKvHeads, headDim } = shape;
    const { batch, numTokens: rows } = startBatch(ops, random, CHUNKS);
    const cache = filledCache(ops, random, { ...POOL, numKvHeads, headDim });
    const q = filled(ops, random, rows, numHeads * headDim);
    const out = poisoned(ops, rows, numHeads * headDim, ops.computeType);
    ops.attention({ batch, q, cache, out, numHeads, scale: 0.5, window, rows });
    return { out, rows };
  };
}

function startBatch<B>(
  ops: Ops<B>,
  random: Random,
  chunks: readonly Chunk[],
): { batch: BatchBuffers<B>; numTokens: number } {
  const batch = ops.batch(CAPACITY);
  const filledBatch = randomBatch(random, chunks, POOL);
  ops.writeBatch(batch, filledBatch);
  return { batch, numTokens: filledBatch.numTokens };
}

/** A cache with random keys and values in every slot. */
function filledCache<B>(ops: Ops<B>, random: Random, shape: KvCacheShape): KvCache<B> {
  const cache = ops.kvCache(shape);
  for (const data of [cache.k, cache.v]) {
    const whole = cacheTensor(ops, shape, data);
    ops.write(whole, random.values(whole.cols));
  }
  return cache;
}

/** The memory of a cache as one row. */
function cacheTensor<B>(ops: Ops<B>, shape: KvCacheShape, data: B): Tensor<B> {
  const size = shape.numBlocks * shape.numKvHeads * shape.blockSize * shape.headDim;
  return { data, rows: 1, cols: size, stride: size, type: ops.computeType };
}
