import { ropeTable } from '#halflight/model/rope.js';
import { INT4_GROUP } from '#halflight/ops/int4.js';
import { inKeyBasis } from '#halflight/ops/kv-layout.js';
import {
  type Batch,
  type BatchBuffers,
  type KvCache,
  type KvCacheShape,
  type KvType,
  type Ops,
  pendingToken,
  type Tensor,
} from '#halflight/ops/ops.js';
import { CAPACITY, type Chunk, randomBatch } from './batches.js';
import type { Case, Tolerance } from './compare.js';
import { filled, poisoned } from './compare.js';
import type { Random } from './random.js';
import { previousResults } from './sample-case.js';
import { colsFor, randomWeight } from './weights.js';

export const POOL = { numBlocks: 64, blockSize: 4 };
/** A decode over several tiles of the widest workgroup, a prefill from 0, a chunk in the middle, a sequence of one token. */
const CHUNKS: readonly Chunk[] = [
  { start: 150, count: 1 },
  { start: 0, count: 11 },
  { start: 9, count: 6 },
  { start: 0, count: 1 },
];

/** Chunks of several tiles with a tail, of which one begins in the middle of a context, beside a single token between two sequences. */
const LONG_CHUNKS: readonly Chunk[] = [
  { start: 0, count: 21 },
  { start: 100, count: 19 },
  { start: 30, count: 1 },
  { start: 64, count: 9 },
];

/** One token at the end of a context that a GPU splits. */
const SPLIT_CHUNKS: readonly Chunk[] = [{ start: 299, count: 1 }];

export function embedCase(format: string): [string, Case] {
  return [
    `embed ${format}, the table in two parts, two tokens pending`,
    (ops, random) => {
      const cols = colsFor(format, 72);
      const parts = [60, 40].map((tokens) => randomWeight(random, format, tokens, cols));
      const table = ops.weight(parts);
      const { batch, previous, rows } = pendingBatch(ops, random);
      const out = poisoned(ops, rows, cols, 'f32');
      ops.embed({ batch, previous, table, out, rows });
      return { out, rows };
    },
  ];
}

export function placedEmbedCase(format: string): [string, Case] {
  return [
    `embed ${format}, scaled, with learned positions`,
    (ops, random) => {
      const table = ops.weight([randomWeight(random, format, 100, 72)]);
      const positions = ops.weight([randomWeight(random, format, 160, 72)]);
      const { batch, previous, rows } = pendingBatch(ops, random);
      const out = poisoned(ops, rows, 72, 'f32');
      ops.embed({ batch, previous, table, out, rows, scale: 3, positions });
      return { out, rows };
    },
  ];
}

/** A batch whose last two tokens wait for what the step before sampled into its rows 3 and 0: one of each part of the table. */
function pendingBatch<B>(
  ops: Ops<B>,
  random: Random,
): { batch: BatchBuffers<B>; previous: Tensor<B>; rows: number } {
  const plain = randomBatch(random, CHUNKS, POOL);
  const tokenIds = plain.tokenIds.slice();
  tokenIds.set([pendingToken(3), pendingToken(0)], plain.numTokens - 2);
  const batch = ops.batch(CAPACITY);
  ops.writeBatch(batch, { ...plain, tokenIds });
  return { batch, previous: previousResults(ops, [99, 7, 7, 5]), rows: plain.numTokens };
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

/** Sequences without an adapter, with the first and with the second, whose tokens are side by side in a batch. */
const ADAPTERS = Uint32Array.of(2, 0, 1, 2);

/** A stack of three parts whose outputs end within workgroups, for rows of tokens and of logits. */
export function loraCases(): [string, Case][] {
  return (['tokens', 'logits'] as const).map((of): [string, Case] => [
    `addLora of ${of}, two adapters of three parts`,
    (ops, random) => {
      const plain = randomBatch(random, CHUNKS, POOL);
      const batch = ops.batch(CAPACITY);
      ops.writeBatch(batch, { ...plain, adapters: ADAPTERS });
      const rows = of === 'tokens' ? plain.numTokens : CHUNKS.length;
      const ends = [33, 50, 71];
      const [cols, rank, size] = [100, 5, 71];
      const lora = {
        a: ops.constant(random.values(2 * 3 * rank * cols), 2 * 3 * rank, cols),
        b: ops.constant(random.values(2 * size * rank), 2 * size, rank),
        rank,
        ends,
      };
      const x = filled(ops, random, rows, cols, ops.computeType);
      const out = filled(ops, random, rows, size, 'f32');
      const room = poisoned(ops, rows, 3 * rank, 'f32');
      ops.addLora({ batch, x, lora, room, out, rows, of, scale: 0.5 });
      return { out, rows };
    },
  ]);
}

export interface HeadShape {
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

/** Heads that no power of two divides evenly; half of a rotation of 20 dimensions is no multiple of 4. */
const ODD_HEADS: readonly HeadShape[] = [
  { numHeads: 5, numKvHeads: 1, headDim: 40 },
  { numHeads: 4, numKvHeads: 2, headDim: 80 },
];

/**
 * What was stored as f16 on both sides: a value that f32 sums place on the other side of a tie differs by one unit in the last place,
 * 2⁻¹⁰ of the smallest mantissa.
 */
const BOTH_ROUNDED: Tolerance = { absolute: 1e-4, relative: 2 ** -10 + 1e-5 };

interface RopeOptions {
  readonly norm: boolean;
  /** All of q is normalised at once, and all of k. */
  readonly whole?: boolean;
  readonly rotaryDim: number;
  readonly type: KvType;
  readonly part: 'q' | 'k' | 'v';
}

/** Codes have a test of their own, `kernels/kv-cache.test.ts`: they may differ by one. INT4 has q in another basis. */
export function ropeCases(): [string, Case][] {
  return [...HEADS, ...ODD_HEADS].flatMap((shape) =>
    (['q', 'k', 'v'] as const).flatMap((part) =>
      (part === 'q' ? (['f32', 'int4'] as const) : (['f32', 'f16'] as const)).flatMap((type) => [
        ropeCase(shape, { norm: false, rotaryDim: shape.headDim, type, part }),
        ropeCase(shape, { norm: true, rotaryDim: shape.headDim / 4, type, part }),
        ropeCase(shape, { norm: true, whole: true, rotaryDim: 0, type, part }),
      ]),
    ),
  );
}

/** Results are q, and the whole caches of k and v with the slots that stay empty. */
function ropeCase(shape: HeadShape, options: RopeOptions): [string, Case] {
  const { type, part } = options;
  return [
    `ropeAndCache ${JSON.stringify(shape)} ${JSON.stringify(options)}`,
    (ops, random) => {
      const { q, cache, rows } = runRope(ops, random, shape, options);
      if (part === 'q') return { out: q, rows };
      const out = cacheTensor(cache, cache[part]);
      return { out, rows: 1, ...(type === 'f16' ? { tolerance: BOTH_ROUNDED } : {}) };
    },
  ];
}

/** Stores the K and V of a batch in an empty cache. */
export function runRope<B>(
  ops: Ops<B>,
  random: Random,
  shape: HeadShape,
  options: Omit<RopeOptions, 'part'>,
): { q: Tensor<B>; cache: KvCache<B>; rows: number } {
  const { numHeads, numKvHeads, headDim } = shape;
  const { rotaryDim, type } = options;
  const { batch, numTokens: rows } = startBatch(ops, random, CHUNKS);
  const qkv = filled(ops, random, rows, (numHeads + 2 * numKvHeads) * headDim);
  const numNorms = options.whole === true ? numHeads + numKvHeads : 2;
  const norm = options.norm
    ? { weights: ops.constant(random.values(numNorms * headDim), numNorms, headDim), eps: 0.01 }
    : null;
  const angles = ropeTable({ type: 'default', theta: 10_000, rotaryDim: rotaryDim || 4 }, 160);
  const rope = ops.constant(angles, 160, rotaryDim || 4);
  const q = poisoned(ops, rows, numHeads * headDim, ops.computeType);
  const cache = ops.kvCache({ ...POOL, numKvHeads, headDim, type });
  ops.ropeAndCache({ batch, qkv, q, cache, rope, rotaryDim, norm, numHeads, rows });
  return { q, cache, rows };
}

export function attentionCases(): [string, Case][] {
  const plain = [...HEADS, ODD_HEADS[0]].flatMap((shape) =>
    [null, 1, 5, 33, 70].map((window) => attentionCase(shape, { window, type: 'f32', chunks: CHUNKS })),
  );
  const narrow = (['f16', 'int8', 'int4'] as const).flatMap((type) =>
    ODD_HEADS.flatMap((shape) =>
      [null, 5].map((window) => attentionCase(shape, { window, type, chunks: CHUNKS })),
    ),
  );
  const long = [...HEADS, ...ODD_HEADS].flatMap((shape) =>
    [null, 33].map((window) => attentionCase(shape, { window, type: 'f32', chunks: LONG_CHUNKS })),
  );
  const split = (['f32', 'f16', 'int8', 'int4'] as const).map((type) =>
    attentionCase(ODD_HEADS[0], { window: null, type, chunks: SPLIT_CHUNKS, blockSize: 8 }),
  );
  const capped = [CHUNKS, SPLIT_CHUNKS].map((chunks) =>
    attentionCase(ODD_HEADS[0], { window: null, type: 'f32', chunks, blockSize: 8, softCap: 0.5 }),
  );
  const sunk = [CHUNKS, SPLIT_CHUNKS].map((chunks) =>
    attentionCase(HEADS[0], { window: 33, type: 'f32', chunks, blockSize: 8, sinks: true }),
  );
  return [...plain, ...narrow, ...long, ...split, ...capped, ...sunk, ...projectedCases()];
}

/** Single tokens of sequences of their own, of which one ends a context that a GPU splits. */
const SINGLE_CHUNKS: readonly Chunk[] = [
  { start: 150, count: 1 },
  { start: 0, count: 1 },
  { start: 33, count: 1 },
];

/** Attention that is given q, k and v as they were projected: rotated on the way where each sequence has one token, and before it elsewhere. */
function projectedCases(): [string, Case][] {
  const single = [...HEADS, ODD_HEADS[0]].flatMap((shape) =>
    ([null, 5] as const).map((window) => ({ shape, window, type: 'f32' as const, chunks: SINGLE_CHUNKS })),
  );
  const [shape] = ODD_HEADS;
  const others = [
    { shape, window: 5, type: 'f16', chunks: SINGLE_CHUNKS },
    { shape, window: null, type: 'f32', chunks: SPLIT_CHUNKS, blockSize: 8, sinks: true },
    { shape, window: null, type: 'f16', chunks: SPLIT_CHUNKS, blockSize: 8 },
    { shape, window: null, type: 'f32', chunks: CHUNKS },
    { shape, window: null, type: 'f32', chunks: SINGLE_CHUNKS, norm: true },
  ] as const;
  return [...single, ...others].flatMap(({ shape: heads, ...options }) =>
    (['out', 'k', 'v'] as const).map((part) => projectedCase(heads, options, part)),
  );
}

/**
 * Heads of q are rounded to f16 in between, 2⁻¹¹ of each value: a score is the half of 128 products of size ≤ 1 at most, whose errors are of either
 * sign, and so wrong by about 2⁻¹¹ · √128 / 4 = 1.4e-3, a weight by as much of itself, and results by a third of that.
 */
const ROUNDED_HEADS: Tolerance = { absolute: 1e-3, relative: 2 ** -10 + 1e-5 };

/** Results are those of attention, or the whole cache of k or v. */
function projectedCase(
  shape: HeadShape,
  options: AttentionOptions & { readonly norm?: boolean },
  part: 'out' | 'k' | 'v',
): [string, Case] {
  return [
    `attention of projections ${JSON.stringify(shape)} ${JSON.stringify(options)}, ${part}`,
    (ops, random) => {
      const { numHeads, numKvHeads, headDim } = shape;
      const { type, window, chunks, blockSize = POOL.blockSize, sinks = false, norm = false } = options;
      const pool = { ...POOL, blockSize };
      const cache = filledCache(ops, random, { ...pool, numKvHeads, headDim, type });
      const { batch, numTokens: rows } = startBatch(ops, random, chunks, pool);
      const qkv = filled(ops, random, rows, (numHeads + 2 * numKvHeads) * headDim);
      const rotaryDim = headDim / 2;
      const angles = ropeTable({ type: 'default', theta: 10_000, rotaryDim }, 320);
      const rope = ops.constant(angles, 320, rotaryDim);
      const weights = ops.constant(random.values(2 * headDim), 2, headDim);
      const projected = { qkv, rope, rotaryDim, norm: norm ? { weights, eps: 0.01 } : null };
      const [q, out] = [1, 2].map(() => poisoned(ops, rows, numHeads * headDim, ops.computeType));
      const sink = sinks ? ops.constant(random.values(numHeads), 1, numHeads) : null;
      ops.attention({ batch, q, cache, out, numHeads, scale: 0.5, window, sinks: sink, rows, projected });
      const tolerance = type === 'f16' ? { tolerance: BOTH_ROUNDED } : {};
      if (part !== 'out') return { out: cacheTensor(cache, cache[part]), rows: 1, ...tolerance };
      return { out, rows, ...(ops.computeType === 'f16' ? { tolerance: ROUNDED_HEADS } : tolerance) };
    },
  ];
}

interface AttentionOptions {
  readonly window: number | null;
  readonly type: KvType;
  readonly chunks: readonly Chunk[];
  readonly blockSize?: number;
  readonly softCap?: number;
  readonly sinks?: boolean;
}

function attentionCase(
  shape: HeadShape,
  { window, type, chunks, blockSize = POOL.blockSize, softCap, sinks = false }: AttentionOptions,
): [string, Case] {
  return [
    `attention ${JSON.stringify(shape)} window ${window} over ${type}, ${JSON.stringify(chunks)}${softCap === undefined ? '' : ', capped'}${sinks ? ', with sinks' : ''}`,
    (ops, random) => {
      const { numHeads, numKvHeads, headDim } = shape;
      const pool = { ...POOL, blockSize };
      const { batch, numTokens: rows } = startBatch(ops, random, chunks, pool);
      const cache = filledCache(ops, random, { ...pool, numKvHeads, headDim, type });
      const q = filled(ops, random, rows, numHeads * headDim);
      const out = poisoned(ops, rows, numHeads * headDim, ops.computeType);
      // Below and above the scores that they stand beside.
      const sink = sinks
        ? ops.constant(
            random.values(numHeads).map((v) => 8 * v),
            1,
            numHeads,
          )
        : null;
      ops.attention({ batch, q, cache, out, numHeads, scale: 0.5, window, softCap, sinks: sink, rows });
      return { out, rows };
    },
  ];
}

function startBatch<B>(
  ops: Ops<B>,
  random: Random,
  chunks: readonly Chunk[],
  pool = POOL,
): { batch: BatchBuffers<B>; numTokens: number } {
  const batch = ops.batch(CAPACITY);
  const filledBatch = randomBatch(random, chunks, pool);
  ops.writeBatch(batch, filledBatch);
  return { batch, numTokens: filledBatch.numTokens };
}

/** A cache with random keys and values in every slot, which every type holds exactly. */
export function filledCache<B>(ops: Ops<B>, random: Random, shape: KvCacheShape): KvCache<B> {
  const { numBlocks, blockSize, numKvHeads, headDim } = shape;
  const rows = numBlocks * blockSize;
  const batch = ops.batch({ ...CAPACITY, maxTokens: rows });
  ops.writeBatch(batch, everySlot(rows));
  const qkv = ops.tensor(rows, (1 + 2 * numKvHeads) * headDim, ops.computeType, 'activations');
  ops.write(qkv, exactHeads(random, rows, shape));
  const q = ops.tensor(rows, headDim, ops.computeType, 'activations');
  const cache = ops.kvCache(shape);
  const rope = ops.constant(Float32Array.of(1, 0), 1, 2);
  ops.ropeAndCache({ batch, qkv, q, cache, rope, rotaryDim: 2, norm: null, numHeads: 1, rows });
  return cache;
}

/**
 * Values that every type holds exactly, `[rows][q, k, v]`: multiples of 1/128 below 1, the first of each head ±127/128, so that in INT8 the
 * scale is 1/128. For INT4 multiples of 1/8, the first two of each group −1 and 7/8, so that the minimum is −1 and the scale 1/8; keys are given
 * so that Hadamard's matrix makes these of them. Codes are far from a tie.
 */
function exactHeads(random: Random, rows: number, shape: KvCacheShape): Float32Array {
  const { headDim, numKvHeads, type } = shape;
  const numHeads = 1 + 2 * numKvHeads;
  const values = new Float32Array(rows * numHeads * headDim);
  for (let head = 0; head < rows * numHeads; head++) {
    const isKey = head % numHeads >= 1 && head % numHeads <= numKvHeads;
    const exact = type === 'int4' ? nibbles(random, headDim) : bytes(random, headDim);
    values.set(isKey ? inKeyBasis(exact, type) : exact, head * headDim);
  }
  return values;
}

function bytes(random: Random, headDim: number): Float64Array {
  const codes = Float64Array.from({ length: headDim }, () => random.below(255) - 127);
  codes[0] = codes[0] < 0 ? -127 : 127;
  return codes.map((code) => code / 128);
}

function nibbles(random: Random, headDim: number): Float64Array {
  const codes = Float64Array.from({ length: headDim }, () => random.below(16));
  for (let group = 0; group < headDim; group += INT4_GROUP) codes.set([0, 15], group);
  return codes.map((code) => (code - 8) / 8);
}

/** A token at position 0 for every slot of a cache. */
function everySlot(numSlots: number): Batch {
  return {
    numTokens: numSlots,
    numSequences: 1,
    tokenIds: new Uint32Array(numSlots),
    positions: new Uint32Array(numSlots),
    slotMapping: Uint32Array.from({ length: numSlots }, (_, slot) => slot),
    sequenceIds: new Uint32Array(numSlots),
    blockTables: new Uint32Array(1),
    logitsRows: new Uint32Array(0),
    sampling: [],
    scoring: [],
  };
}

/** The memory of a cache of floats as one row. */
function cacheTensor<B>({ type, ...shape }: KvCacheShape, data: B): Tensor<B> {
  if (type === 'int8' || type === 'int4') throw new Error('codes are no tensor');
  const size = shape.numBlocks * shape.numKvHeads * shape.blockSize * shape.headDim;
  return { data, rows: 1, cols: size, stride: size, type };
}
