import { ropeTable } from '#halflight/model/rope.js';
import type { BatchBuffers, KvCache, KvCacheShape, Ops } from '#halflight/ops/ops.js';
import { CAPACITY, type Chunk, randomBatch } from './batches.js';
import type { Case } from './compare.js';
import { filled, poisoned } from './compare.js';
import type { Random } from './random.js';
import { randomWeight, WEIGHT_FORMATS } from './weights.js';

/** Cases of the operations that read a batch. */
export function batchCases(): [string, Case][] {
  return [...embedCases(), gatherCase(), ...ropeCases(), ...attentionCases()];
}

const POOL = { numBlocks: 40, blockSize: 4 };
/** A decode, a prefill from 0, a chunk in the middle, a sequence of one token. */
const CHUNKS: readonly Chunk[] = [
  { start: 37, count: 1 },
  { start: 0, count: 11 },
  { start: 9, count: 6 },
  { start: 0, count: 1 },
];

function embedCases(): [string, Case][] {
  return Object.keys(WEIGHT_FORMATS).map((format): [string, Case] => [
    `embed ${format}, the table in two parts`,
    (ops, random) => {
      const table = ops.weight([randomWeight(random, format, 60, 72), randomWeight(random, format, 40, 72)]);
      const { batch, numTokens: rows } = startBatch(ops, random, CHUNKS);
      const out = poisoned(ops, rows, 72, 'f32');
      ops.embed({ batch, table, out, rows });
      return { out, rows };
    },
  ]);
}

function gatherCase(): [string, Case] {
  return [
    'gatherRows of each sequence’s last token',
    (ops, random) => {
      const { batch, numTokens } = startBatch(ops, random, CHUNKS);
      const x = filled(ops, random, numTokens, 50, 'f32');
      const out = poisoned(ops, CHUNKS.length, 50, 'f32');
      ops.gatherRows({ batch, x, out, rows: CHUNKS.length });
      return { out, rows: CHUNKS.length };
    },
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

function ropeCases(): [string, Case][] {
  return HEADS.flatMap((shape) =>
    [
      { norm: false, part: 'q' as const, rotaryDim: shape.headDim },
      { norm: true, part: 'q' as const, rotaryDim: shape.headDim },
      { norm: true, part: 'attention' as const, rotaryDim: shape.headDim / 2 },
    ].map((options): [string, Case] => [
      `ropeAndCache ${JSON.stringify(shape)} ${JSON.stringify(options)}`,
      ropeCase(shape, options),
    ]),
  );
}

/** What reaches the cache is read back through attention over it. */
function ropeCase(
  shape: HeadShape,
  options: { norm: boolean; part: 'q' | 'attention'; rotaryDim: number },
): Case {
  return (ops, random) => {
    const { numHeads, numKvHeads, headDim } = shape;
    const { batch, numTokens: rows } = startBatch(ops, random, [
      { start: 0, count: 11 },
      { start: 0, count: 3 },
    ]);
    const qkv = filled(ops, random, rows, (numHeads + 2 * numKvHeads) * headDim);
    const norm = options.norm
      ? { weights: ops.constant(random.values(2 * headDim), 2, headDim), eps: 1e-6 }
      : null;
    const table = ropeTable({ type: 'default', theta: 10_000, rotaryDim: options.rotaryDim }, 64);
    const rope = ops.constant(table, 64, options.rotaryDim);
    const q = poisoned(ops, rows, numHeads * headDim, ops.computeType);
    const cache = ops.kvCache({ ...POOL, numKvHeads, headDim });
    ops.ropeAndCache({ batch, qkv, q, cache, rope, rotaryDim: options.rotaryDim, norm, numHeads, rows });
    if (options.part === 'q') return { out: q, rows };
    const out = poisoned(ops, rows, numHeads * headDim, ops.computeType);
    ops.attention({ batch, q, cache, out, numHeads, scale: 0.3, window: null, rows });
    return { out, rows };
  };
}

function attentionCases(): [string, Case][] {
  return HEADS.flatMap((shape) =>
    [null, 1, 5, 33].map((window): [string, Case] => [
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

/** A cache with random keys and values in every slot, through a tensor that lies over its memory. */
function filledCache<B>(ops: Ops<B>, random: Random, shape: KvCacheShape): KvCache<B> {
  const rows = shape.numBlocks * shape.numKvHeads * shape.blockSize;
  const cache = ops.kvCache(shape);
  for (const data of [cache.k, cache.v]) {
    const whole = {
      data,
      rows: 1,
      cols: rows * shape.headDim,
      stride: rows * shape.headDim,
      type: ops.computeType,
    };
    ops.write(whole, random.values(whole.cols));
  }
  return cache;
}
