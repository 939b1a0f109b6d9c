import t from 'tap';
import { CpuOps } from '#halflight/ops/cpu.js';
import { BANNED, type Batch, type BatchBuffers, pendingToken, type Tensor } from '#halflight/ops/ops.js';
import { RESULT } from '#halflight/ops/result-layout.js';
import { FLOAT_FORMATS } from '#halflight/quant/formats.js';
import { packFloat } from '#halflight/quant/pack.js';
import { GREEDY, NEUTRAL } from '../support/batches.js';
import { previousResults, sampleCase, tokensOf } from '../support/sample-case.js';

type Buffer = Float64Array;

const CAPACITY = { maxTokens: 4, maxSequences: 2, maxBlocksPerSequence: 2, maxLogits: 2, maxSampled: 2 };
/** Blocks of 2 slots: sequence 0 lies in block 3, then 1; sequence 1 in block 2. */
const BATCH: Batch = {
  numTokens: 2,
  numSequences: 2,
  tokenIds: Uint32Array.of(2, 0),
  positions: Uint32Array.of(2, 0),
  slotMapping: Uint32Array.of(2, 4),
  sequenceIds: Uint32Array.of(0, 1),
  blockTables: Uint32Array.of(3, 1, 2, 0),
  logitsRows: Uint32Array.of(1, 0),
  sampling: [GREEDY, GREEDY],
  scoring: [],
};

function tensorOf(ops: CpuOps, rows: readonly (readonly number[])[]): Tensor<Buffer> {
  const tensor = ops.tensor(rows.length, rows[0].length, 'f32', 'activations');
  ops.write(tensor, Float32Array.from(rows.flat()));
  return tensor;
}

function batchOf(ops: CpuOps, batch = BATCH): BatchBuffers<Buffer> {
  const buffers = ops.batch(CAPACITY);
  ops.writeBatch(buffers, batch);
  return buffers;
}

async function rowsOf(ops: CpuOps, tensor: Tensor<Buffer>, rows = tensor.rows): Promise<number[][]> {
  const values = [...(await ops.read(tensor, rows))];
  return Array.from({ length: rows }, (_, r) => values.slice(r * tensor.cols, (r + 1) * tensor.cols));
}

function weightOf(ops: CpuOps, rows: readonly (readonly number[])[]) {
  return ops.weight([packFloat(Float32Array.from(rows.flat()), 'f32', rows.length, rows[0].length)]);
}

t.test('what is written is read back without padding, and only the rows that are asked for', async (t) => {
  const ops = new CpuOps();
  const tensor = tensorOf(ops, [
    [1, 2],
    [3, 4],
  ]);
  t.equal(tensor.stride, 32);
  t.strictSame(await rowsOf(ops, tensor), [
    [1, 2],
    [3, 4],
  ]);
  t.strictSame(await rowsOf(ops, tensor, 1), [[1, 2]]);
});

t.test('embed takes the rows of the tokens', async (t) => {
  const ops = new CpuOps();
  const out = tensorOf(ops, [[9], [9], [9]]);
  const previous = previousResults(ops, [0]);
  ops.embed({ batch: batchOf(ops), previous, table: weightOf(ops, [[1], [2], [3]]), out, rows: 2 });
  t.strictSame(await rowsOf(ops, out), [[3], [1], [9]]);
});

t.test('embed takes a pending token from the results before', async (t) => {
  const ops = new CpuOps();
  const out = tensorOf(ops, [[9], [9]]);
  const batch = batchOf(ops, { ...BATCH, tokenIds: Uint32Array.of(0, pendingToken(1)) });
  const previous = previousResults(ops, [2, 1]);
  ops.embed({ batch, previous, table: weightOf(ops, [[1], [2], [3]]), out, rows: 2 });
  t.strictSame(await rowsOf(ops, out), [[1], [2]]);
});

t.test('rmsNorm divides by the root of the mean square', async (t) => {
  const ops = new CpuOps();
  const x = tensorOf(ops, [
    [3, 4],
    [0, 0],
  ]);
  const out = tensorOf(ops, [
    [9, 9],
    [9, 9],
  ]);
  const weight = ops.constant(Float32Array.of(1, 2), 1, 2);
  // (9 + 16) / 2 + 0.5 = 13; a row of zeros stays finite through eps.
  ops.rmsNorm({ x, weight, out, rows: 2, eps: 0.5 });
  const factor = 1 / Math.sqrt(13);
  t.strictSame(await rowsOf(ops, out), [
    [Math.fround(3 * factor), Math.fround(8 * factor)],
    [0, 0],
  ]);
});

t.test(
  'linear multiplies by the transposed weight, adds the bias, and adds to the output on request',
  async (t) => {
    const ops = new CpuOps();
    const x = tensorOf(ops, [
      [1, 2],
      [3, 4],
    ]);
    const weight = weightOf(ops, [
      [1, 0],
      [0, 1],
      [10, 100],
    ]);
    const bias = ops.constant(Float32Array.of(0.5, 0, -0.5), 1, 3);
    const out = tensorOf(ops, [
      [9, 9, 9],
      [9, 9, 9],
    ]);
    ops.linear({ x, weight, bias: null, out, rows: 1, accumulate: false });
    t.strictSame(await rowsOf(ops, out), [
      [1, 2, 210],
      [9, 9, 9],
    ]);
    ops.linear({ x, weight, bias, out, rows: 2, accumulate: true });
    t.strictSame(await rowsOf(ops, out), [
      [2.5, 4, 419.5],
      [12.5, 13, 438.5],
    ]);
  },
);

t.test('a weight is made of parts of any format, one below the other', async (t) => {
  const ops = new CpuOps();
  const [first, second] = [Float32Array.of(1, 2), Uint16Array.of(0x3f80, 0x4000)];
  const weight = ops.weight([packFloat(first, 'f32', 1, 2), packFloat(second, 'bf16', 1, 2)]);
  t.match(weight, { rows: 2, cols: 2, parts: [{ format: FLOAT_FORMATS.f32 }] });
  const out = tensorOf(ops, [[9, 9]]);
  ops.linear({ x: tensorOf(ops, [[1, 10]]), weight, bias: null, out, rows: 1, accumulate: false });
  t.strictSame(await rowsOf(ops, out), [[21, 21]]);
});

t.test(
  'ropeAndCache rotates q and k by the position, leaves v, and fills the slots of the cache',
  async (t) => {
    const ops = new CpuOps();
    // One head each of q, k and v with 4 dimensions, of which the first 2 rotate as one pair.
    const qkv = tensorOf(ops, [
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    ]);
    const q = ops.tensor(2, 4, 'f32', 'activations');
    const cache = ops.kvCache({ numBlocks: 4, blockSize: 2, numKvHeads: 1, headDim: 4, type: 'f32' });
    // Position 0 turns by nothing, position 2 by a quarter: (a, b) becomes (−b, a).
    const rope = ops.constant(Float32Array.of(1, 0, 9, 9, 0, 1), 3, 2);
    ops.ropeAndCache({
      batch: batchOf(ops),
      qkv,
      q,
      cache,
      rope,
      rotaryDim: 2,
      norm: null,
      numHeads: 1,
      rows: 2,
    });
    t.strictSame(await rowsOf(ops, q), [
      [-2, 1, 3, 4],
      [1, 2, 3, 4],
    ]);
    t.strictSame([...cache.k.slice(8, 12), ...cache.k.slice(16, 20)], [-6, 5, 7, 8, 5, 6, 7, 8]);
    t.strictSame([...cache.v.slice(8, 12), ...cache.v.slice(16, 20)], [9, 10, 11, 12, 9, 10, 11, 12]);
  },
);

t.test(
  'ropeAndCache normalises the heads of q and of k by their own weights, and v not at all',
  async (t) => {
    const ops = new CpuOps();
    const qkv = tensorOf(ops, [[2, 2, 4, 4, 8, 8]]);
    const q = ops.tensor(1, 2, 'f32', 'activations');
    const cache = ops.kvCache({ numBlocks: 4, blockSize: 2, numKvHeads: 1, headDim: 2, type: 'f32' });
    const rope = ops.constant(Float32Array.of(1, 0, 1, 0, 1, 0), 3, 2);
    const norm = { weights: ops.constant(Float32Array.of(1, 2, 3, 4), 2, 2), eps: 0 };
    ops.ropeAndCache({ batch: batchOf(ops), qkv, q, cache, rope, rotaryDim: 2, norm, numHeads: 1, rows: 1 });
    t.strictSame(await rowsOf(ops, q), [[1, 2]]);
    t.strictSame([...cache.k.slice(4, 6), ...cache.v.slice(4, 6)], [3, 4, 8, 8]);
  },
);

t.test('attention averages the values that its own sequence and window let it see', async (t) => {
  const ops = new CpuOps();
  const cache = ops.kvCache({ numBlocks: 4, blockSize: 2, numKvHeads: 1, headDim: 1, type: 'f32' });
  // By slot. Sequence 0 reads slots 6, 7, 2 (position 2 ends it); sequence 1 reads slot 4.
  cache.v.set([1000, 1000, 5, 1000, 7, 1000, 1, 3]);
  const q = tensorOf(ops, [[1], [1]]);
  const out = tensorOf(ops, [[9], [9]]);
  const run = (window: number | null) =>
    ops.attention({ batch: batchOf(ops), q, cache, out, numHeads: 1, scale: 1, window, rows: 2 });
  run(null);
  t.strictSame(await rowsOf(ops, out), [[3], [7]]);
  run(2);
  t.strictSame(await rowsOf(ops, out), [[4], [7]]);
  run(1);
  t.strictSame(await rowsOf(ops, out), [[5], [7]]);
});

t.test('attention weighs by the softmax of the scaled products', async (t) => {
  const ops = new CpuOps();
  const cache = ops.kvCache({ numBlocks: 4, blockSize: 2, numKvHeads: 1, headDim: 1, type: 'f32' });
  cache.k.set([0, 0, 0, 0, 0, 0, Math.log(2), 0]);
  cache.v.set([0, 0, 2, 0, 0, 0, 4, 0]);
  const out = tensorOf(ops, [[9]]);
  // Scores log 4, 0, 0: weights 4, 1, 1 of 6.
  const q = tensorOf(ops, [[4]]);
  ops.attention({ batch: batchOf(ops), q, cache, out, numHeads: 1, scale: 0.5, window: null, rows: 1 });
  const [[value]] = await rowsOf(ops, out);
  t.ok(Math.abs(value - 3) < 1e-6, String(value));
});

t.test('query heads share key-value heads in runs', async (t) => {
  const ops = new CpuOps();
  const cache = ops.kvCache({ numBlocks: 4, blockSize: 2, numKvHeads: 2, headDim: 1, type: 'f32' });
  // `[block][kvHead][slot]`: sequence 0's only position is slot 0 of block 3.
  cache.v.set([100, 200], 12);
  cache.v.set([101, 201], 14);
  const batch = batchOf(ops, { ...BATCH, positions: Uint32Array.of(0, 0) });
  const out = tensorOf(ops, [[9, 9, 9, 9]]);
  const q = tensorOf(ops, [[1, 1, 1, 1]]);
  ops.attention({ batch, q, cache, out, numHeads: 4, scale: 1, window: null, rows: 1 });
  t.strictSame(await rowsOf(ops, out), [[100, 100, 101, 101]]);
});

t.test('activate passes the first half through silu and multiplies by the second', async (t) => {
  const ops = new CpuOps();
  const gateUp = tensorOf(ops, [[0, 1, 5, 2]]);
  const out = tensorOf(ops, [[9, 9]]);
  ops.activate({ x: gateUp, out, rows: 1, activation: 'silu' });
  t.strictSame(await rowsOf(ops, out), [[0, Math.fround(2 / (1 + Math.exp(-1)))]]);
});

t.test('gatherRows picks the tokens whose logits are wanted', async (t) => {
  const ops = new CpuOps();
  const x = tensorOf(ops, [[1], [2]]);
  const out = tensorOf(ops, [[9], [9]]);
  ops.gatherRows({ batch: batchOf(ops), x, out, rows: 2 });
  t.strictSame(await rowsOf(ops, out), [[2], [1]]);
});

t.test('sample reads each row of logits with its own options', async (t) => {
  const ops = new CpuOps();
  const logits = [
    [1, 5, 3],
    [1, 5, 9],
  ];
  const sampling = [GREEDY, { ...GREEDY, temperature: 0.001, position: 4 }];
  t.strictSame((await tokensOf(ops, sampleCase(ops, { logits, sampling }))).slice(0, 2), [1, 2]);
});

t.test('a row with edits is sampled as edited, and told of as it was given', async (t) => {
  const ops = new CpuOps();
  const logits = [[0, 5, 0]];
  const edits = { ...NEUTRAL, pending: pendingToken(1), biases: [{ tokenId: 1, bias: BANNED, after: 44 }] };
  const sampling = [{ ...GREEDY, edits, numLogprobs: 1 }];
  const { results } = sampleCase(ops, { logits, sampling, previous: [3, 44] });
  const { words, gpuMs } = await ops.readWords(results, 1);
  t.equal(gpuMs, null);
  t.strictSame([words[RESULT.tokenId], words[RESULT.rank], words[RESULT.topIds]], [0, 2, 1]);
});

t.test('edits beyond the room for them take more', (t) => {
  const ops = new CpuOps();
  const counts = Array.from({ length: 5000 }, (_, tokenId) => ({ tokenId, inPrompt: true, count: 0 }));
  const sampling = [{ ...GREEDY, edits: { ...NEUTRAL, counts } }];
  t.equal(batchOf(ops, { ...BATCH, sampling }).edits.words.length, 16_384);
  t.end();
});

t.test('the ledger holds what was allocated, by kind', (t) => {
  const ops = new CpuOps();
  ops.tensor(2, 32, 'f32', 'activations');
  ops.kvCache({ numBlocks: 2, blockSize: 4, numKvHeads: 1, headDim: 8, type: 'f32' });
  weightOf(ops, [[1, 2]]);
  t.strictSame(ops.memory(), { weights: 2 * 8, kv_cache: 2 * 64 * 8, activations: 64 * 8 });
  t.end();
});
