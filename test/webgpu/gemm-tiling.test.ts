import t from 'tap';
import { gemmTiling } from '#halflight/webgpu/gemm-tiling.js';
import { batchInvariant, type Tuning } from '#halflight/webgpu/tuning.js';
import { GPU_TUNING } from '../support/tuning.js';

const MATRIX = { m: 16, n: 16, k: 16, maxLanes: 32 };
const TUNING: Tuning = { ...GPU_TUNING, gemmTokens: 32 };

t.test('products of many tokens go through the tiled kernel, those of few do not', (t) => {
  t.equal(gemmTiling(31, 'f32', TUNING), null);
  t.equal(gemmTiling(32, 'f32', TUNING)?.kernel, 'linear_gemm');
  t.equal(gemmTiling(1000, 'f32', { ...TUNING, gemmTokens: null }), null);
  t.end();
});

t.test('INT8 activations and batch invariance never take it', (t) => {
  t.equal(gemmTiling(1000, 'u32', TUNING), null);
  t.equal(gemmTiling(1000, 'f32', batchInvariant(TUNING)), null);
  t.end();
});

t.test('subgroups multiply matrices only of f16, by four of the largest subgroup', (t) => {
  const tuning = { ...TUNING, subgroupMatrix: MATRIX };
  t.match(gemmTiling(64, 'f16', tuning), { constants: { LANES: 128 }, matrix: { m: 16, n: 16, k: 16 } });
  t.equal(gemmTiling(64, 'f32', tuning)?.matrix, undefined);
  t.equal(gemmTiling(64, 'f16', TUNING)?.matrix, undefined);
  t.end();
});

t.test('the grid covers every output and every token', (t) => {
  t.strictSame(gemmTiling(65, 'f32', TUNING)?.grid(129), [3, 2, 1]);
  t.strictSame(gemmTiling(64, 'f32', TUNING)?.grid(64), [1, 1, 1]);
  t.end();
});
