import t from 'tap';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { singleDispatch } from '#halflight/webgpu/single-dispatch.js';
import { singleTiling } from '#halflight/webgpu/single-tiling.js';
import { CAPACITY } from '../support/batches.js';
import { nullDevice } from '../support/device.js';
import { GPU_TUNING } from '../support/tuning.js';

const device = await nullDevice();
const ops = new WebGpuOps(device, 'f16');
t.teardown(() => ops.destroy());

const cache = ops.kvCache({ numBlocks: 64, blockSize: 4, numKvHeads: 2, headDim: 64, type: 'f16' });
const [q, out] = [1, 2].map(() => ops.tensor(64, 14 * 64, 'f16', 'activations'));
const batch = ops.batch(CAPACITY);
const args = { batch, q, cache, out, numHeads: 14, scale: 0.5, window: 7, rows: 3 };
const tiles = { firstTile: 5, numTiles: 3 };
const partials = device.createBuffer({ size: 1024, usage: GPUBufferUsage.STORAGE });
const split = { count: 6, positions: 96, partials };
const tiling = singleTiling(7, 64, { ...GPU_TUNING, subgroupSize: 32 });
if (tiling === null) throw new Error('no tiling');

t.test('a workgroup for each part of a KV head’s query heads, each token and each split', (t) => {
  t.match(singleDispatch(args, tiles, tiling, null), {
    grid: [2 * tiling.parts, 3, 1],
    spec: { kernel: 'attention_single', constants: { SPLIT: 0, BLOCK_SIZE: 4 }, types: { Y: 'f16' } },
  });
  t.match(singleDispatch(args, tiles, tiling, split), {
    grid: [2 * tiling.parts, 3, 6],
    spec: { constants: { SPLIT: 1 }, types: { X: 'f16', Y: 'f32' } },
  });
  t.end();
});

t.test('kernels know of sinks and soft caps', (t) => {
  const sinks = ops.constant(new Float32Array(14), 1, 14);
  const sunk = singleDispatch({ ...args, sinks }, tiles, tiling, split);
  t.match(sunk.spec.constants, { SINKS: 1, SOFT_CAP: 0 });
  t.match(singleDispatch({ ...args, softCap: 2 }, tiles, tiling, null).spec.constants, {
    SINKS: 0,
    SOFT_CAP: 1,
  });
  t.end();
});
