import t from 'tap';
import { CpuOps } from '#halflight/ops/cpu.js';
import { normalize, normalizeCentered, normalizeWhole } from '#halflight/ops/norms.js';

t.test('RMSNorm divides by the root of the mean square', (t) => {
  const out = new Float64Array(2);
  // (1 + 49) / 2 − 9 = 16.
  normalize(Float64Array.of(1, 7), Float64Array.of(4, 8), -9, out);
  t.strictSame([...out], [1, 14]);
  t.end();
});

t.test('LayerNorm takes the mean away first, and adds a bias last', (t) => {
  const out = new Float64Array(2);
  normalizeCentered(Float64Array.of(1, 7), Float64Array.of(1, 2), Float64Array.of(10, 20), 0, out);
  t.strictSame([...out], [9, 22]);
  t.end();
});

t.test('all of q is normalised as one vector, and all of k, and v is left alone', (t) => {
  const ops = new CpuOps();
  const qkv = ops.tensor(1, 4, 'f32', 'activations');
  ops.write(qkv, Float32Array.of(1, 7, 5, 9));
  const weights = ops.constant(Float32Array.of(4, 8, 12), 3, 1);
  // (1 + 49) / 2 − 9 = 16, and of k 25 − 9 = 16.
  normalizeWhole(qkv, 0, { weights, eps: -9 }, 2);
  t.strictSame([...qkv.data.subarray(0, 4)], [1, 14, 15, 9]);
  t.end();
});
