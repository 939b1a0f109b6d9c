import t from 'tap';
import { FLOAT_FORMATS, parseQuantization } from '#halflight/quant/formats.js';
import { stagedNormTiling, stagedTiling, usesHalves } from '#halflight/webgpu/staged-tiling.js';
import { batchInvariant } from '#halflight/webgpu/tuning.js';
import { tuningOf } from '../support/tuning.js';

const info = { device: 'GPU', subgroupMinSize: 32, subgroupMaxSize: 32 };
const TUNING = tuningOf(info, ['subgroups']);
const INT4 = { format: parseQuantization('int4'), cols: 4096 };

t.test('products of few tokens are staged where activations are f16 and the reader is known', async (t) => {
  const tiling = stagedTiling(1, INT4, 'f16', TUNING);
  t.match(tiling, {
    kernel: 'linear_staged',
    constants: { SUBGROUP: 32, PAIR_LANES: 32, PAIRS: 8, BLOCKS: 128 },
    lanes: 'subgroup',
    unroll: { TURNS: 2 },
  });
  t.ok(stagedTiling(16, { ...INT4, format: parseQuantization('int8') }, 'f16', TUNING));
  t.match(stagedTiling(16, { ...INT4, format: FLOAT_FORMATS.bf16 }, 'f16', TUNING), {
    constants: { PAIRS: 16 },
  });
  t.match(stagedTiling(1, { ...INT4, cols: 14_336 }, 'f16', TUNING), {
    constants: { PAIR_LANES: 64, PAIRS: 16 },
  });
  t.equal(stagedTiling(17, INT4, 'f16', TUNING), null);
  t.equal(stagedTiling(1, INT4, 'f32', TUNING), null);
  t.equal(stagedTiling(1, INT4, 'u32', TUNING), null);
  t.equal(stagedTiling(1, { ...INT4, format: parseQuantization('int3') }, 'f16', TUNING), null);
});

t.test('the grid covers pairs of outputs, beyond the limit of a dimension too', async (t) => {
  const tiling = stagedTiling(3, INT4, 'f16', TUNING);
  t.strictSame(tiling?.grid(4097), [257, 3, 1]);
  t.strictSame(tiling?.grid(16 * 65_536), [32_768, 3, 2]);
});

t.test('they are not where subgroups vary, lanes are no whole subgroups, or a row is too long', async (t) => {
  t.equal(stagedTiling(1, INT4, 'f16', { ...TUNING, subgroupSize: null }), null);
  t.equal(stagedTiling(1, INT4, 'f16', { ...TUNING, stagedTiles: [] }), null);
  t.equal(stagedTiling(1, INT4, 'f16', { ...TUNING, subgroupSize: 64 }), null);
  // 64 bytes a block, two more blocks, and 12 bytes of each subgroup.
  const bytes = 64 * (128 + 2) + 12 * 8;
  t.ok(stagedTiling(1, INT4, 'f16', { ...TUNING, workgroupBytes: bytes }));
  t.equal(stagedTiling(1, INT4, 'f16', { ...TUNING, workgroupBytes: bytes - 1 }), null);
  t.equal(stagedTiling(1, INT4, 'f16', { ...TUNING, workgroupLanes: 255 }), null);
  t.equal(stagedTiling(1, INT4, 'f16', batchInvariant(TUNING)), null);
});

t.test('codes meet f16 two at a time where the tuning says so and a decoder is there', async (t) => {
  t.ok(usesHalves(INT4, 'f16', TUNING));
  t.notOk(usesHalves(INT4, 'f32', TUNING));
  t.notOk(usesHalves(INT4, 'f16', { ...TUNING, halfDot: false }));
});

t.test('one token is normalised on the way where rows are short', async (t) => {
  const tiling = stagedNormTiling(1, INT4, 'f16', TUNING);
  t.match(tiling, { constants: { PAIR_LANES: 32, PAIRS: 16 }, unroll: { TURNS: 1 } });
  t.match(stagedNormTiling(1, { ...INT4, format: FLOAT_FORMATS.bf16 }, 'f16', TUNING), {
    constants: { PAIR_LANES: 64, PAIRS: 8 },
  });
  t.equal(stagedNormTiling(2, INT4, 'f16', TUNING), null);
  t.equal(stagedNormTiling(1, { ...INT4, cols: 32_800 }, 'f16', TUNING), null);
  t.equal(stagedNormTiling(1, INT4, 'f16', batchInvariant(TUNING)), null);
});
