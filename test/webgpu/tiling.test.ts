import t from 'tap';
import { foldGrid, tilingFor } from '#halflight/webgpu/tiling.js';
import type { Tuning } from '#halflight/webgpu/tuning.js';

const TUNING: Tuning = {
  normLanes: 32,
  headLanes: 32,
  attentionLanes: 32,
  sampleLanes: 32,
  rowLanes: 32,
  tileLanes: 8,
  maxRowTokens: 3,
  subgroupSize: 32,
  batchInvariant: false,
};

t.test('few tokens share K between lanes, many are tiled', async (t) => {
  t.equal(tilingFor(3, TUNING).kernel, 'linear_row');
  t.equal(tilingFor(4, TUNING).kernel, 'linear_tile');
});

t.test('the grid covers every output and every token', async (t) => {
  t.same(tilingFor(3, TUNING).grid(9), [3, 3, 1]);
  t.same(tilingFor(9, TUNING).grid(33), [2, 3, 1]);
});

t.test('a single token makes tiles of one token', async (t) => {
  const tiling = tilingFor(1, { ...TUNING, maxRowTokens: 0 });
  t.same(tiling.constants, { LANES: 8, TOKENS: 1 });
  t.same(tiling.grid(64), [2, 1, 1]);
});

t.test('lanes add up in a subgroup only where a workgroup is exactly one', async (t) => {
  t.equal(tilingFor(1, TUNING).lanes, 'subgroup');
  t.equal(tilingFor(1, { ...TUNING, rowLanes: 64 }).lanes, 'workgroup');
  t.equal(tilingFor(1, { ...TUNING, subgroupSize: null }).lanes, 'workgroup');
});

t.test('batch invariance takes one tiling for any number of tokens', async (t) => {
  const tilings = [1, 2, 3, 4, 64].map((tokens) => tilingFor(tokens, { ...TUNING, batchInvariant: true }));
  for (const { kernel, constants } of tilings) {
    t.same({ kernel, constants }, { kernel: 'linear_tile', constants: { LANES: 8, TOKENS: 4 } });
  }
});

t.test('a grid beyond the limit of one dimension goes on in the third', async (t) => {
  t.same(foldGrid(65_535, 2), [65_535, 2, 1]);
  const [x, y, z] = foldGrid(65_537, 2);
  t.ok(x <= 65_535 && y === 2 && x * z >= 65_537);
});
