import t from 'tap';
import { panelTiling } from '#halflight/webgpu/panel-tiling.js';
import { batchInvariant } from '#halflight/webgpu/tuning.js';
import { GPU_TUNING, tuningOf } from '../support/tuning.js';

const lavapipe = (lanes: number) =>
  tuningOf({ device: 'llvmpipe', subgroupMinSize: lanes, subgroupMaxSize: lanes }, ['subgroups']);
const WIDE = lavapipe(16);

t.test(
  'products of many tokens go through panels where a software adapter has vectors of 16 lanes',
  async (t) => {
    t.equal(panelTiling(8, 'f32', WIDE), null);
    t.match(panelTiling(9, 'f32', WIDE), { kernel: 'linear_panel', constants: { LANES: 16, TOKENS: 16 } });
    t.equal(panelTiling(9, 'f32', lavapipe(8)), null);
    t.equal(panelTiling(1000, 'f32', GPU_TUNING), null);
  },
);

t.test(
  'INT8 activations and batch invariance never take them, nor lanes that cannot hand round',
  async (t) => {
    t.equal(panelTiling(1000, 'u32', WIDE), null);
    t.equal(panelTiling(1000, 'f32', batchInvariant(WIDE)), null);
    t.equal(panelTiling(1000, 'f32', { ...WIDE, subgroupSize: null }), null);
    t.equal(panelTiling(1000, 'f32', { ...WIDE, subgroupSize: 32, tileLanes: 32 }), null);
  },
);

t.test('the grid covers every output and every token', async (t) => {
  t.strictSame(panelTiling(17, 'f32', WIDE)?.grid(129), [2, 2, 1]);
  t.strictSame(panelTiling(16, 'f32', WIDE)?.grid(128), [1, 1, 1]);
});
