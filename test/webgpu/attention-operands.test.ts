import t from 'tap';
import { batchLayout } from '#halflight/ops/batch-layout.js';
import { attentionBuffers, attentionParams } from '#halflight/webgpu/attention-operands.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { CAPACITY } from '../support/batches.js';
import { nullDevice } from '../support/device.js';

const device = await nullDevice();
const ops = new WebGpuOps(device, 'f16');
t.teardown(() => ops.destroy());

const cache = ops.kvCache({ numBlocks: 64, blockSize: 4, numKvHeads: 2, headDim: 64, type: 'f16' });
const [q, out] = [1, 2].map(() => ops.tensor(64, 14 * 64, 'f16', 'activations'));
const batch = ops.batch(CAPACITY);
const args = { batch, q, cache, out, numHeads: 14, scale: 0.5, window: 7, rows: 3 };
const firstTile = 5;
const partials = device.createBuffer({ size: 1024, usage: GPUBufferUsage.STORAGE });
const split = { count: 6, positions: 96, partials };

t.test('parameters come in the order of the shader', (t) => {
  const layout = batchLayout(CAPACITY);
  const { positions, sequenceIds, blockTables } = layout;
  const [half, two] = [0x3f000000, 0x40000000];
  const common = [half, positions, sequenceIds, blockTables, 40, layout.tiles + 10];
  const whole = attentionParams(args, firstTile, null);
  t.strictSame([...whole.words.slice(0, 17)], [14, 2, 4, 224, 224, 7, ...common, 0, 0, 0, 0, 0]);
  const qkv = ops.tensor(64, 18 * 64, 'f16', 'activations');
  const rope = ops.constant(new Float32Array(64), 1, 64);
  const projected = { qkv, rope, rotaryDim: 32, norm: null };
  const rotating = attentionParams({ ...args, window: null, softCap: 2, projected }, firstTile, split);
  const ends = [96, two, 18 * 64, 64, 32];
  t.strictSame([...rotating.words.slice(0, 17)], [14, 2, 4, 224, 14 * 17, 0, ...common, ...ends]);
  t.end();
});

t.test('buffers come in the order of the shader, with something in the place of sinks', (t) => {
  t.strictSame(attentionBuffers(args, null).slice(1), [q.data, cache.k, cache.v, out.data, q.data]);
  const sinks = ops.constant(new Float32Array(14), 1, 14);
  t.strictSame(attentionBuffers({ ...args, sinks }, split).slice(4), [partials, sinks.data]);
  t.end();
});
