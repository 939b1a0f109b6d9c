import t from 'tap';
import { batchLayout } from '#halflight/ops/batch-layout.js';
import type { KvType } from '#halflight/ops/ops.js';
import { attentionDispatches, rotatesHeads } from '#halflight/webgpu/attention-dispatches.js';
import { partialsBytes } from '#halflight/webgpu/attention-splits.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { batchInvariant } from '#halflight/webgpu/tuning.js';
import { CAPACITY, type Chunk, randomBatch } from '../support/batches.js';
import { nullDevice } from '../support/device.js';
import { Random } from '../support/random.js';
import { GPU_TUNING as TUNING } from '../support/tuning.js';

const device = await nullDevice();
const ops = new WebGpuOps(device, 'f32');
t.teardown(() => ops.destroy());

const POOL = { numBlocks: 64, blockSize: 4 };
const cache = ops.kvCache({ ...POOL, numKvHeads: 2, headDim: 64, type: 'f16' });
const [q, out] = [1, 2].map(() => ops.tensor(64, 8 * 64, 'f32', 'activations'));

const partials = device.createBuffer({ size: partialsBytes(TUNING), usage: GPUBufferUsage.STORAGE });

function dispatchesOf(chunks: readonly Chunk[], window: number | null = 7, tuning = TUNING) {
  const batch = ops.batch(CAPACITY);
  const { numTokens: rows, ...tokens } = randomBatch(new Random(1), chunks, POOL);
  ops.writeBatch(batch, { ...tokens, numTokens: rows });
  return attentionDispatches(
    { batch, q, cache, out, numHeads: 8, scale: 0.5, window, rows },
    tuning,
    partials,
  );
}

t.test('runs and single tokens are dispatched apart, and only where there are any', (t) => {
  const grids = (chunks: readonly Chunk[]) =>
    dispatchesOf(chunks).map(({ grid, spec }) => [grid, spec.constants.TOKENS]);
  const run = { start: 3, count: 17 };
  const single = { start: 9, count: 1 };
  // 4 query heads share a KV head: 16 queries are 2 heads of 8 tokens, or all 4 heads of a token.
  t.strictSame(grids([run, single]), [
    [[4, 2, 1], 8],
    [[2, 2, 1], 1],
  ]);
  t.strictSame(grids([single, single]), [[[2, 2, 1], 1]]);
  t.strictSame(grids([{ start: 0, count: 16 }]), [[[4, 2, 1], 8]]);
  t.strictSame(grids([]), []);
  t.end();
});

t.test('parameters come in the order of the shader', (t) => {
  const { positions, sequenceIds, blockTables, tiles } = batchLayout(CAPACITY);
  const half = 0x3f000000;
  const none = [0, 0, 0, 0, 0];
  const [runs, singles] = dispatchesOf([{ start: 3, count: 17 }]);
  const common = [8, 2, 4, 128, 128, 7, half, positions, sequenceIds, blockTables, 40];
  t.strictSame([...runs.params], [...common, tiles, ...none, 16, 1, 16, 0, 0, 0, 0]);
  t.strictSame([...singles.params], [...common, tiles + 4, ...none, 16, 1, 4, 0, 0, 0, 0]);
  t.end();
});

/** A run of two tokens, then single ones at the end of contexts of 40, 150 and 5. */
const LONG: readonly Chunk[] = [
  { start: 0, count: 2 },
  { start: 39, count: 1 },
  { start: 149, count: 1 },
  { start: 4, count: 1 },
];

t.test('the contexts of single tokens are split and merged, by the longest of them', (t) => {
  const [runs, singles, merge] = dispatchesOf(LONG, null);
  t.match(runs, { grid: [4, 1, 1], spec: { constants: { SPLIT: 0 } } });
  t.match(singles, { grid: [2, 3, 2], spec: { kernel: 'attention', constants: { SPLIT: 1 } } });
  t.match(merge, { grid: [8, 3, 1], spec: { kernel: 'attention_merge' } });
  t.equal(singles.buffers[4], partials);
  t.strictSame(merge.buffers.slice(1), [partials, out.data]);
  t.end();
});

t.test('parameters of splits and of their merge come in the order of the shaders', (t) => {
  const { tiles } = batchLayout(CAPACITY);
  const [, singles, merge] = dispatchesOf(LONG, null);
  // Heads of 64 dimensions: 16 vec4 of sums and one of totals. Results lie 128 vec4 apart.
  t.strictSame([...singles.params.slice(3, 6)], [128, 8 * 17, 0]);
  t.strictSame([...singles.params.slice(11, 13)], [tiles + 2, 128]);
  t.strictSame([...singles.params.slice(17, 20)], [16, 1, 4]);
  t.strictSame([...merge.params.slice(0, 4)], [16, 128, tiles + 2, 2]);
  t.end();
});

t.test('nothing is split in a short context or window, or by a tuning that forbids it', (t) => {
  const unsplit = (dispatches: ReturnType<typeof dispatchesOf>) =>
    dispatches.every(({ spec }) => spec.kernel === 'attention' && spec.constants.SPLIT === 0);
  t.ok(unsplit(dispatchesOf([{ start: 127, count: 1 }], null)));
  t.ok(unsplit(dispatchesOf(LONG, 128)));
  t.ok(unsplit(dispatchesOf(LONG, null, { ...TUNING, attentionWorkgroups: 0 })));
  t.ok(unsplit(dispatchesOf(LONG, null, batchInvariant(TUNING))));
  t.notOk(unsplit(dispatchesOf(LONG, null)));
  t.end();
});

t.test('a kernel of their own takes single tokens where subgroups have a known size', (t) => {
  const tuning = { ...TUNING, subgroupSize: 32 };
  const grids = (chunks: readonly Chunk[]) =>
    dispatchesOf(chunks, null, tuning).map(({ spec, grid }) => [spec.kernel, grid]);
  // By whole contexts of 256 positions: 3 tokens of 2 KV heads, in 8 splits of 32 positions.
  t.strictSame(grids(LONG), [
    ['attention', [4, 1, 1]],
    ['attention_single', [2, 3, 8]],
    ['attention_merge', [8, 3, 1]],
  ]);
  t.strictSame(grids([{ start: 127, count: 1 }]), [['attention_single', [2, 1, 1]]]);
  t.end();
});

t.test(
  'heads are rotated on the way where no token sees another, and no norm or scale comes in between',
  (t) => {
    const qkv = ops.tensor(64, 12 * 64, 'f32', 'activations');
    const rope = ops.constant(new Float32Array(64), 1, 64);
    const rotates = (
      chunks: readonly Chunk[],
      changes: { norm?: { weights: typeof rope; eps: number }; type?: KvType; attentionTokens?: number } = {},
    ) => {
      const { norm = null, type = 'f16', attentionTokens = TUNING.attentionTokens } = changes;
      const batch = ops.batch(CAPACITY);
      const { numTokens: rows, ...tokens } = randomBatch(new Random(1), chunks, POOL);
      ops.writeBatch(batch, { ...tokens, numTokens: rows });
      const heads = { batch, q, cache: { ...cache, type }, out, numHeads: 8, scale: 0.5, window: null, rows };
      const projected = { qkv, rope, rotaryDim: 64, norm };
      return rotatesHeads({ ...heads, projected }, { ...TUNING, attentionTokens });
    };
    const single = { start: 9, count: 1 };
    t.ok(rotates([single, single]));
    t.notOk(rotates([single, { start: 0, count: 2 }]));
    t.notOk(rotates([single], { norm: { weights: rope, eps: 1 } }));
    t.notOk(rotates([single], { type: 'int8' }));
    t.notOk(rotates([single], { attentionTokens: 1 }), 'where runs are single tokens too');
    t.end();
  },
);
