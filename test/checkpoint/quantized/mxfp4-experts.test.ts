import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { isDtype } from '#halflight/checkpoint/dtypes.js';
import { openModelCheckpoint } from '#halflight/checkpoint/quantized/quantized.js';
import { type TensorData, writeSafetensors } from '#halflight/checkpoint/safetensors-write.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { loadModel } from '#halflight/model/load.js';
import { weightBytes } from '#halflight/model/weight-bytes.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { nullDevice } from '../../support/device.js';
import { editConfig, temporaryFolder } from '../../support/models.js';
import { tinyDir } from '../../support/tiny.js';
import { survivesMutations } from './mutations.js';
import { openWritten, refusesWritten } from './packers.js';

const CONFIG = { quant_method: 'mxfp4', modules_to_not_convert: ['model.layers.*.self_attn', 'lm_head'] };
const VALUES = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];
const tensor = (name: string, shape: readonly number[], bytes: Iterable<number>): TensorData => ({
  name,
  dtype: 'U8',
  shape,
  data: Uint8Array.from(bytes),
});
/** Random enough, and the same each time. */
const bytesOf = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => ((i + seed) * 2654435761) >>> 24);

/** Values `[experts · rows][cols]` of blocks and scales. */
function decoded(blocks: readonly number[], scales: readonly number[]): number[] {
  return blocks.flatMap((byte, i) => {
    const scale = 2 ** (scales[Math.floor(i / 16)] - 127);
    return [VALUES[byte & 15] * scale, VALUES[byte >> 4] * scale];
  });
}

t.test('the experts of a layer are one tensor, of which one expert can be read', async (t) => {
  const [blocks, scales] = [bytesOf(2 * 3 * 2 * 16, 1), bytesOf(12, 9).map((byte) => 100 + (byte % 40))];
  const tensors = [tensor('e.up_blocks', [2, 3, 2, 16], blocks), tensor('e.up_scales', [2, 3, 2], scales)];
  const checkpoint = await openWritten(t, CONFIG, tensors);
  t.match(checkpoint.tensors.get('e.up'), {
    shape: [2, 3, 64],
    storedAs: 'MXFP4',
    format: { reader: 'e2m1', table: 'mxfp4' },
  });
  const values = decoded(blocks, scales);
  t.strictSame([...(await checkpoint.readF32('e.up'))], values);
  const second = { start: 1, count: 1 };
  t.strictSame([...(await checkpoint.readF32('e.up', second))], values.slice(3 * 64));
  t.match(await checkpoint.stored('e.up', second), { rows: 3, cols: 64 });
});

t.test('what is missing or of another shape is named', async (t) => {
  const blocks = tensor('e.up_blocks', [1, 1, 1, 16], bytesOf(16, 1));
  const scales = tensor('e.up_scales', [1, 1, 1], [127]);
  await refusesWritten(t, CONFIG, [blocks], /e\.up_blocks: e\.up_scales is missing/);
  const half = tensor('e.up_blocks', [1, 2, 1, 8], bytesOf(16, 1));
  await refusesWritten(t, CONFIG, [half, scales], /\[1, 2, 1, 8\] are no blocks of 16 bytes/);
  const more = tensor('e.up_scales', [1, 2, 1], [127, 127]);
  await refusesWritten(t, CONFIG, [blocks, more], /e\.up_scales: shape \[1, 2, 1\], must be \[1, 1, 1\]/);
  await refusesWritten(t, { ...CONFIG, bits: 3 }, [blocks, scales], /bits: not understood/);
});

t.test('1,000 damaged checkpoints are read or refused with file and field, each in less than 100 ms', (t) =>
  survivesMutations(t, CONFIG, [
    tensor('e.up_blocks', [1, 2, 1, 16], bytesOf(32, 1)),
    tensor('e.up_scales', [1, 2, 1], [127, 120]),
  ]),
);

/** The tiny gpt-oss with random experts: in blocks and scales, and the same values as floats. */
async function gptOss(dir: string, inBlocks: boolean): Promise<void> {
  const source = await openSafetensors(join(tinyDir('gpt_oss'), 'model.safetensors'));
  const tensors: TensorData[] = [];
  for (const { name, dtype, shape } of source.tensors.values()) {
    if (!isDtype(dtype)) throw new Error(dtype);
    if (!/experts\.\w+_proj$/.test(name)) {
      tensors.push({ name, dtype, shape, data: (await source.read(name)).data });
      continue;
    }
    const [experts, cols, rows] = shape;
    const perRow = cols / 32;
    const scales = bytesOf(experts * rows * perRow, rows).map((byte) => 120 + (byte % 3));
    const blocks = bytesOf(scales.length * 16, cols);
    if (inBlocks) {
      tensors.push(tensor(`${name}_blocks`, [experts, rows, perRow, 16], blocks));
      tensors.push(tensor(`${name}_scales`, [experts, rows, perRow], scales));
      continue;
    }
    const values = Float32Array.from(decoded(blocks, scales));
    const turned = new Float32Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const [expert, row, col] = [Math.floor(i / (rows * cols)), Math.floor(i / cols) % rows, i % cols];
      turned[(expert * cols + col) * rows + row] = values[i];
    }
    tensors.push({ name, dtype: 'F32', shape, data: new Uint8Array(turned.buffer) });
  }
  await source.close();
  await cp(join(tinyDir('gpt_oss'), 'config.json'), join(dir, 'config.json'));
  if (inBlocks) await editConfig(dir, { quantization_config: CONFIG });
  await writeSafetensors(join(dir, 'model.safetensors'), tensors);
}

t.test(
  'gpt-oss as it is released has the weights of its decoded experts, and keeps their size',
  async (t) => {
    const options = { quantization: null, maxModelLen: 8, onBytes: () => undefined };
    const loaded = [];
    for (const inBlocks of [true, false]) {
      const dir = await temporaryFolder(t);
      await gptOss(dir, inBlocks);
      const checkpoint = await openModelCheckpoint(dir);
      const config = await parseModelConfig(dir);
      const { layers } = await loadModel(new CpuOps(), checkpoint, config, options);
      loaded.push(layers.map(({ gateUp, down }) => [gateUp, down].map(({ weight, bias }) => [weight, bias])));
      if (inBlocks) {
        const device = await nullDevice();
        const ops = new WebGpuOps(device, 'f32');
        await loadModel(ops, checkpoint, config, options);
        const excess = ops.memory().weights - weightBytes(checkpoint, config, null, 8);
        t.ok(excess >= 0 && excess < 3 * 16 * checkpoint.tensors.size, `${excess} bytes more`);
        device.destroy();
      }
      await checkpoint.close();
    }
    t.strictSame(loaded[0], loaded[1]);
  },
);
