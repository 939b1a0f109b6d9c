import t from 'tap';
import {
  decodesStaged,
  fewestGemmTokens,
  gemmLoops,
  gemmSplits,
  gemmSteps,
  gemmTiling,
  SMALL_TILE,
  splitSumsBytes,
} from '#halflight/webgpu/gemm-tiling.js';
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
  t.match(gemmTiling(64, 'f16', tuning), { tile: { lanes: 128 }, matrix: { m: 16, n: 16, k: 16 } });
  t.equal(gemmTiling(64, 'f32', tuning)?.matrix, undefined);
  t.equal(gemmTiling(64, 'f16', TUNING)?.matrix, undefined);
  t.end();
});

t.test('the grid covers every output and every token', (t) => {
  t.strictSame(gemmTiling(65, 'f32', TUNING)?.grid(129), [2, 3, 1]);
  t.strictSame(gemmTiling(64, 'f32', TUNING)?.grid(64), [1, 1, 1]);
  t.end();
});

t.test(
  'the tile of matrices is the first that holds all tokens, or the largest that fits shared memory',
  (t) => {
    const tuning = { ...TUNING, subgroupMatrix: MATRIX };
    const tile = (tokens: number, changes: Partial<Tuning> = {}, largest?: number) => {
      const { tile } = gemmTiling(tokens, 'f16', { ...tuning, ...changes }, largest) ?? { tile: SMALL_TILE };
      return `${tile.tokens}×${tile.outputs} by ${tile.lanes}`;
    };
    t.strictSame(
      [5, 17, 33, 65, 1000].map((tokens) => tile(tokens)),
      ['16×64 by 128', '32×64 by 128', '64×64 by 128', '128×128 by 128', '128×128 by 128'],
    );
    t.equal(tile(1000, { workgroupBytes: 20_000 }), '64×64 by 128');
    t.equal(tile(1000, {}, 64), '64×64 by 128', 'as experts ask for');
    t.equal(tile(1000, { subgroupMatrix: { ...MATRIX, maxLanes: 64 }, workgroupLanes: 128 }), '16×64 by 256');
    t.end();
  },
);

t.test('where shared memory is too small one set of tiles does, then shorter steps', (t) => {
  const part = { tokens: 16, outputs: 16, stepBlocks: 4, sets: 2 };
  const tuning = { ...TUNING, subgroupMatrix: MATRIX, matrixTiles: [{ tokens: 16, outputs: 64, part }] };
  const fitting = (workgroupBytes: number) => gemmTiling(16, 'f16', { ...tuning, workgroupBytes })?.tile.part;
  t.match(fitting(49_152), { stepBlocks: 4, sets: 2 });
  t.match(fitting(32_768), { stepBlocks: 4, sets: 1 });
  t.match(fitting(16_384), { stepBlocks: 2, sets: 1 });
  t.end();
});

t.test('loops over what lies in registers are written out as often as the kernel’s constants say', (t) => {
  const loops = (tokens: number, reader: string, type: 'f16' | 'f32' = 'f16') => {
    const tiling = gemmTiling(tokens, type, { ...TUNING, subgroupMatrix: { ...MATRIX, n: 8 } });
    return tiling ? gemmLoops(reader, tiling) : null;
  };
  t.strictSame(loops(16, 'int4'), { STEPS: 4, ROWS: 1, COLUMNS: 2, X_TURNS: 1, W_TURNS: 1 });
  t.strictSame(loops(64, 'int8'), { STEPS: 4, ROWS: 2, COLUMNS: 4, X_TURNS: 4, W_TURNS: 2 });
  t.strictSame(loops(128, 'bf16'), { STEPS: 2, ROWS: 4, COLUMNS: 8, X_TURNS: 4, W_TURNS: 4 });
  t.strictSame(loops(128, 'int3'), { STEPS: 2, ROWS: 4, COLUMNS: 8, X_TURNS: 4, W_TURNS: 1 });
  t.equal(loops(64, 'int4', 'f32'), undefined);
  t.end();
});

t.test('weights that have a way to be decoded to f16 take it where subgroups multiply matrices', (t) => {
  const decodes = (reader: string, subgroupMatrix: Tuning['subgroupMatrix']) => {
    const tiling = gemmTiling(64, 'f16', { ...TUNING, subgroupMatrix });
    return tiling !== null && decodesStaged(reader, tiling);
  };
  t.ok(['int4', 'int8', 'f16', 'bf16'].every((reader) => decodes(reader, MATRIX)));
  t.notOk(decodes('int3', MATRIX));
  t.notOk(decodes('int4', null));
  t.end();
});

t.test('fewer tokens pay for matrices than for sums in registers', (t) => {
  const tuning = { ...TUNING, subgroupMatrix: MATRIX };
  t.equal(fewestGemmTokens('f16', tuning), TUNING.matrixTokens);
  t.equal(fewestGemmTokens('f32', tuning), 32);
  t.equal(fewestGemmTokens('f16', TUNING), 32);
  t.equal(fewestGemmTokens('u32', tuning), null);
  t.end();
});

t.test('workgroups share K where tiles are few, in whole steps and in no less than eight blocks', (t) => {
  const splits = (tiles: number, blocks: number) =>
    gemmSplits(tiles, blocks, { ...TUNING, gemmWorkgroups: 100 });
  t.strictSame(splits(10, 128), { count: 10, blocks: 14 });
  t.strictSame(splits(1, 128), { count: 16, blocks: 8 });
  t.strictSame(splits(51, 128), { count: 1, blocks: 128 });
  t.strictSame(splits(10, 15), { count: 1, blocks: 16 });
  for (const [tiles, blocks] of [
    [1, 33],
    [7, 448],
    [33, 100],
  ]) {
    const { count, blocks: each } = splits(tiles, blocks);
    t.ok(each * (count - 1) < blocks && each * count >= blocks, 'all of K, and no empty split');
    t.ok(tiles * count <= 100);
  }
  t.end();
});

t.test('scratch holds the sums of as many workgroups as share K', (t) => {
  t.equal(splitSumsBytes({ ...TUNING, gemmWorkgroups: 3 }), 3 * 64 * 64 * 4);
  t.equal(splitSumsBytes({ ...TUNING, gemmWorkgroups: 3, subgroupMatrix: MATRIX }), 3 * 128 * 128 * 4);
  t.equal(splitSumsBytes({ ...TUNING, gemmTokens: null }), 0);
  t.end();
});

t.test('steps are the numbers of tokens at which another kernel or tile begins', (t) => {
  const tuning = { ...TUNING, subgroupMatrix: MATRIX };
  t.strictSame(gemmSteps('f16', tuning), [5, 17, 33, 65]);
  t.strictSame(gemmSteps('f16', { ...tuning, workgroupBytes: 16_384 }), [5, 17, 33], 'of tiles that fit');
  t.strictSame(gemmSteps('f32', tuning), [32]);
  t.strictSame(gemmSteps('f16', { ...tuning, gemmTokens: null }), []);
  t.end();
});
