import t from 'tap';
import { attentionTiling, dotFor, foldGrid, tilingFor } from '#halflight/webgpu/tiling.js';
import { batchInvariant, type Tuning } from '#halflight/webgpu/tuning.js';

const TUNING: Tuning = {
  normLanes: 32,
  normVectors: 0,
  subgroupSums: false,
  headLanes: 32,
  attentionLanes: 32,
  attentionQueries: 16,
  attentionTokens: 8,
  attentionWorkgroups: 0,
  single: null,
  mergeSplits: 4,
  sampleLanes: 32,
  quantizeLanes: 32,
  rowLanes: 32,
  tileLanes: 8,
  tileTokens: [1, 4, 8],
  sharesQueries: false,
  panelTokens: null,
  sharesActivations: false,
  stagedTiles: [],
  stagedNorms: [],
  maxStagedNormTokens: 0,
  maxRowTokens: 3,
  maxFusedNormTokens: 3,
  gemmTokens: null,
  matrixTokens: 4,
  gemmWorkgroups: 0,
  matrixTiles: [],
  workgroupBytes: 16_384,
  workgroupLanes: 256,
  subgroupMatrix: null,
  dozeMs: 0,
  subgroupSize: 32,
  packedDot: true,
  pairedDot: false,
  halfDot: false,
  autotune: { candidates: [], manyTokens: 9, targetMs: 1, warmUpMs: 0, budgetMs: 1 },
};

t.test('few tokens share K between lanes, many are tiled', async (t) => {
  t.equal(tilingFor(3, TUNING).kernel, 'linear_row');
  t.equal(tilingFor(4, TUNING).kernel, 'linear_tile');
});

t.test('the grid covers every output and every token', async (t) => {
  t.same(tilingFor(3, TUNING).grid(9), [3, 3, 1]);
  t.same(tilingFor(9, TUNING).grid(33), [2, 2, 1]);
});

t.test('a tile is the smallest that holds all tokens, or the largest', async (t) => {
  const tuning = { ...TUNING, maxRowTokens: 0 };
  const tile = (tokens: number) => tilingFor(tokens, tuning).constants.TOKENS;
  t.same([1, 2, 4, 5, 8, 9, 64].map(tile), [1, 4, 4, 8, 8, 8, 8]);
  t.same(tilingFor(1, tuning).grid(64), [2, 1, 1]);
});

t.test('activations go round a subgroup only where it is the workgroup and holds 8 of them', async (t) => {
  const lanes = (tuning: Partial<Tuning>) => tilingFor(9, { ...TUNING, ...tuning }).lanes;
  const shares = { sharesActivations: true, subgroupSize: 8 };
  t.equal(lanes(shares), 'subgroup');
  t.equal(lanes({ ...shares, sharesActivations: false }), 'workgroup');
  t.equal(lanes({ ...shares, subgroupSize: 16 }), 'workgroup');
  t.equal(lanes({ ...shares, subgroupSize: null }), 'workgroup');
  t.equal(lanes({ ...shares, subgroupSize: 4, tileLanes: 4 }), 'workgroup');
});

t.test('lanes add up in a subgroup only where a workgroup is exactly one', async (t) => {
  t.equal(tilingFor(1, TUNING).lanes, 'subgroup');
  t.equal(tilingFor(1, { ...TUNING, rowLanes: 64 }).lanes, 'workgroup');
  t.equal(tilingFor(1, { ...TUNING, subgroupSize: null }).lanes, 'workgroup');
});

t.test('batch invariance takes one tiling for any number of tokens', async (t) => {
  const tilings = [1, 2, 3, 4, 64].map((tokens) => tilingFor(tokens, batchInvariant(TUNING)));
  for (const { kernel, constants } of tilings) {
    t.same({ kernel, constants }, { kernel: 'linear_tile', constants: { LANES: 8, TOKENS: 4 } });
  }
});

t.test('a grid beyond the limit of one dimension goes on in the third', async (t) => {
  t.same(foldGrid(65_535, 2), [65_535, 2, 1]);
  const [x, y, z] = foldGrid(65_537, 2);
  t.ok(x <= 65_535 && y === 2 && x * z >= 65_537);
});

t.test('integers are multiplied in pairs only where asked for and with 4 bits, else by bytes', async (t) => {
  const dots = (tuning: Partial<Tuning>) => [4, 8].map((bits) => dotFor(bits, { ...TUNING, ...tuning }));
  t.same(dots({}), ['packed', 'packed']);
  t.same(dots({ packedDot: false }), ['extracted', 'extracted']);
  t.same(dots({ pairedDot: true }), ['pairs', 'packed']);
  t.same(dots({ pairedDot: true, packedDot: false }), ['pairs', 'extracted']);
});

t.test('query heads of a KV head are computed in groups of equal size, 4 at most', async (t) => {
  const heads = (sharing: number) => attentionTiling(sharing, 64, 1, TUNING).heads;
  t.same([1, 2, 3, 4, 5, 6, 7, 8, 12].map(heads), [1, 2, 3, 4, 1, 3, 1, 4, 4]);
});

t.test('a tile of attention holds 16 queries at most, and 32 vectors of sums a lane', async (t) => {
  const heads = (headDim: number, tokens: number, attentionLanes = 32) =>
    attentionTiling(4, headDim, tokens, { ...TUNING, attentionLanes }).heads;
  t.same(
    [1, 4, 8, 16].map((tokens) => heads(64, tokens)),
    [4, 4, 2, 1],
  );
  t.same(
    [64, 128, 256].map((headDim) => heads(headDim, 8, 8)),
    [2, 1, 1],
  );
  t.equal(heads(64, 8, 64), 1, 'workgroup memory holds 8 queries of 64 lanes');
});

t.test('attention goes round a subgroup only where it is the workgroup and has 8 lanes', async (t) => {
  const tiling = (tuning: Partial<Tuning>) => attentionTiling(2, 64, 8, { ...TUNING, ...tuning });
  t.match(tiling({}), { lanes: 'subgroup', constants: { SHARES: 0 } });
  t.match(tiling({ sharesQueries: true }), { lanes: 'subgroup', constants: { SHARES: 1 } });
  t.equal(tiling({ attentionLanes: 16 }).lanes, 'workgroup');
  t.equal(tiling({ attentionLanes: 4, subgroupSize: 4 }).lanes, 'workgroup');
  t.equal(tiling({ subgroupSize: null }).lanes, 'workgroup');
});
