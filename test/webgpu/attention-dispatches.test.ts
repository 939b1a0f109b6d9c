import t from 'tap';
import { batchLayout } from '#halflight/ops/batch-layout.js';
import { attentionDispatches } from '#halflight/webgpu/attention-dispatches.js';
import { type Tuning, tuningFor } from '#halflight/webgpu/tuning.js';
import { CAPACITY, type Chunk, randomBatch } from '../support/batches.js';
import { nullOps } from '../support/device.js';
import { Random } from '../support/random.js';

const ops = await nullOps('f32');
t.teardown(() => ops.destroy());

const TUNING: Tuning = tuningFor({
  adapterInfo: { device: 'GPU' },
  features: new Set(),
} as object as GPUDevice);
const POOL = { numBlocks: 64, blockSize: 4 };
const cache = ops.kvCache({ ...POOL, numKvHeads: 2, headDim: 64, type: 'f16' });
const [q, out] = [1, 2].map(() => ops.tensor(64, 8 * 64, 'f32', 'activations'));

function dispatchesOf(chunks: readonly Chunk[]) {
  const batch = ops.batch(CAPACITY);
  const { numTokens: rows, ...tokens } = randomBatch(new Random(1), chunks, POOL);
  ops.writeBatch(batch, { ...tokens, numTokens: rows });
  return attentionDispatches({ batch, q, cache, out, numHeads: 8, scale: 0.5, window: 7, rows }, TUNING);
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
  const [runs, singles] = dispatchesOf([{ start: 3, count: 17 }]);
  const common = [8, 2, 4, 128, 128, 7, half, positions, sequenceIds, blockTables, 40];
  t.strictSame([...runs.params], [...common, tiles, 16, 1, 16, 0]);
  t.strictSame([...singles.params], [...common, tiles + 4, 16, 1, 4, 0]);
  t.end();
});
