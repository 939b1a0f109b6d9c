import t from 'tap';
import { candidatesFor, keepsBytes, measuredTokens } from '#halflight/webgpu/candidates.js';
import { gemmTiling } from '#halflight/webgpu/gemm-tiling.js';
import { defaultChoice } from '#halflight/webgpu/tiling.js';
import { TOKEN_BUCKETS } from '#halflight/webgpu/tilings.js';
import { batchInvariant, type Tuning } from '#halflight/webgpu/tuning.js';
import { GPU_TUNING as GPU, tuningOf } from '../support/tuning.js';

const SOFTWARE = tuningOf({ device: 'llvmpipe' });

const kernels = (tuning: Tuning) =>
  TOKEN_BUCKETS.map((bucket) =>
    [...new Set(candidatesFor(bucket, 'f32', tuning).map(({ kernel }) => kernel))].sort(),
  );

t.test('the default comes first, and once', async (t) => {
  for (const tuning of [GPU, SOFTWARE, batchInvariant(GPU)]) {
    for (const bucket of TOKEN_BUCKETS) {
      const [first, ...others] = candidatesFor(bucket, 'f32', tuning);
      t.same(first, defaultChoice(measuredTokens(bucket, 'f32', tuning), tuning));
      t.notOk(others.some((choice) => JSON.stringify(choice) === JSON.stringify(first)));
      t.ok(others.length > 0, 'there is a choice');
    }
  }
});

t.test('a GPU chooses between the kernels for few tokens, and between tiles for many', async (t) => {
  const both = ['linear_row', 'linear_tile'];
  t.same(kernels(GPU), [both, both, both, ['linear_tile']]);
});

t.test('no bucket is measured with tokens that the tiled kernel takes, whatever the choice', async (t) => {
  const matrices = { ...GPU, subgroupMatrix: { m: 16, n: 16, k: 16, maxLanes: 32 } };
  for (const tuning of [GPU, matrices, SOFTWARE, batchInvariant(GPU)]) {
    for (const type of ['f32', 'f16'] as const) {
      for (const bucket of TOKEN_BUCKETS)
        t.equal(gemmTiling(measuredTokens(bucket, type, tuning), type, tuning), null);
    }
  }
});

t.test('where bytes must not change only tiles and lanes vary', async (t) => {
  t.notOk(keepsBytes(GPU));
  for (const tuning of [SOFTWARE, batchInvariant(GPU)]) {
    t.ok(keepsBytes(tuning));
    t.same(kernels(tuning), [['linear_tile'], ['linear_tile'], ['linear_tile'], ['linear_tile']]);
  }
});

t.test('no tile but the default is larger than its bucket, or larger than the kernel takes', async (t) => {
  for (const tuning of [GPU, SOFTWARE]) {
    for (const bucket of TOKEN_BUCKETS) {
      for (const { tokens } of candidatesFor(bucket, 'f32', tuning).slice(1)) {
        t.ok(tokens <= Math.min(8, bucket.maxTokens), `${tokens} of ${bucket.maxTokens}`);
      }
    }
  }
});
