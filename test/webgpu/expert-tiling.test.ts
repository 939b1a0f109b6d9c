import t from 'tap';
import { expertGrid, expertSteps, expertTiling } from '#halflight/webgpu/expert-tiling.js';
import { batchInvariant, type Tuning } from '#halflight/webgpu/tuning.js';
import { GPU_TUNING as GPU } from '../support/tuning.js';

const SHAPE = { maxTokens: 2048, numExperts: 16, topK: 2 };
/** As a software adapter's. */
const SOFTWARE: Tuning = { ...GPU, maxRowTokens: 0, tileTokens: [1, 4, 8], gemmTokens: null };

function kernels(tokens: readonly number[], tuning: Tuning) {
  return tokens.map((count) => {
    const { tiling, tileRoutes, numTiles } = expertTiling(count, SHAPE, 'f32', tuning);
    return `${tiling.kernel} ${tileRoutes} ${numTiles}`;
  });
}

t.test('the kernel is that of as many tokens as an expert has on average', (t) => {
  t.strictSame(kernels([1, 128, 129, 256], GPU), [
    'linear_row 1 2',
    'linear_row 1 256',
    'linear_tile 4 80',
    'linear_gemm 64 24',
  ]);
  t.strictSame(kernels([1, 8, 9, 256], SOFTWARE), [
    'linear_tile 1 2',
    'linear_tile 1 16',
    'linear_tile 4 18',
    'linear_tile 8 80',
  ]);
  t.end();
});

t.test('there are tiles enough for any spread of the routes', (t) => {
  const { tileRoutes, numTiles } = expertTiling(100, SHAPE, 'f32', SOFTWARE);
  // The most tiles: every expert has one route more than fills its tiles.
  const most = SHAPE.numExperts + Math.floor((200 - SHAPE.numExperts) / tileRoutes);
  t.ok(numTiles >= most, `${numTiles} for ${most}`);
  t.end();
});

t.test('INT8 activations and batch invariance never take the tiled kernel of many tokens', (t) => {
  t.equal(expertTiling(2048, SHAPE, 'u32', GPU).tiling.kernel, 'linear_tile');
  t.strictSame(kernels([1, 2048], batchInvariant(GPU)), ['linear_tile 4 2', 'linear_tile 4 1040']);
  t.end();
});

t.test('steps are the numbers of tokens at which another kernel begins', (t) => {
  t.strictSame(expertSteps(SHAPE, 'f32', GPU), [1, 129, 249]);
  t.strictSame(expertSteps(SHAPE, 'u32', GPU), [1, 129]);
  t.strictSame(expertSteps({ ...SHAPE, maxTokens: 200 }, 'f32', GPU), [1, 129]);
  t.strictSame(expertSteps(SHAPE, 'f32', batchInvariant(GPU)), [1]);
  t.end();
});

t.test('the grid covers every output of an expert, and every tile', (t) => {
  t.strictSame(expertGrid(expertTiling(1, SHAPE, 'f32', GPU), 10), [3, 2, 1]);
  t.strictSame(expertGrid(expertTiling(256, SHAPE, 'f32', GPU), 129), [24, 3, 1]);
  t.end();
});
