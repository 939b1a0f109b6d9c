import t from 'tap';
import { FLOAT_FORMATS } from '#halflight/quant/formats.js';
import { tilingFor } from '#halflight/webgpu/tiling.js';
import { Tilings, TOKEN_BUCKETS } from '#halflight/webgpu/tilings.js';
import { GPU_TUNING as TUNING } from '../support/tuning.js';

t.test('a key tells weight reader, shape and the type of activations', async (t) => {
  const part = { format: FLOAT_FORMATS.bf16, rows: 37, cols: 64 };
  const tilings = new Tilings(TUNING, 'f16');
  t.equal(tilings.keyOf(part, 'float'), 'bf16 37x64 f16');
  t.equal(tilings.keyOf(part, 'int8'), 'bf16 37x64 int8');
});

t.test('every number of tokens is in a bucket', async (t) => {
  const largest = TOKEN_BUCKETS.map(({ maxTokens }) => maxTokens);
  t.same(largest, [1, 4, 8, Number.POSITIVE_INFINITY]);
});

t.test('a product is cut as chosen for its bucket, others and other buckets by default', async (t) => {
  const tilings = new Tilings(TUNING, 'f32');
  const lanes = (product: string, tokens: number) => tilings.for(product, tokens).constants.LANES;
  tilings.set('a', [null, { kernel: 'linear_tile', lanes: 7, tokens: 2 }, null, null]);
  t.same(
    [1, 2, 4, 5].map((tokens) => lanes('a', tokens)),
    [32, 7, 7, 32],
  );
  t.equal(lanes('b', 2), tilingFor(2, TUNING).constants.LANES);
});
