import { statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import { runInspect } from '#halflight/commands/inspect.js';
import { quantizationFormat } from '#halflight/commands/model-options.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { loadModel } from '#halflight/model/load.js';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { printed, refuses } from '../support/commands.js';
import { nullDevice } from '../support/device.js';
import { fable } from '../support/models.js';

interface Report {
  readonly parameters: number;
  readonly formats: readonly { dtype: string; tensors: number; bytes: number }[];
  readonly memory: { weightBytes: number; kvBytesPerToken: number; weightFormat: string };
  readonly tensors: readonly { name: string; shape: readonly number[] }[];
}

const report = async (t: Test, ...args: string[]) =>
  JSON.parse(await printed(t, () => runInspect(['--json', ...args]))) as Report;

t.test('counts parameters and bytes of the checkpoint', async (t) => {
  const { parameters, formats, tensors } = await report(t);
  const bytes = formats.reduce((sum, format) => sum + format.bytes, 0);
  const fileBytes = statSync(join(fable, 'model.safetensors')).size;
  // Beside its tensors a file holds only the header: some 100 bytes per tensor.
  t.ok(bytes < fileBytes && fileBytes - bytes < 200 * tensors.length, `${bytes} of ${fileBytes}`);
  t.equal(
    parameters,
    tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0),
  );
  t.ok(parameters > 3e6, `${parameters} parameters`);
});

t.test('prints the same for people', async (t) => {
  const text = await printed(t, () => runInspect(['--quantization', 'int4']));
  t.match(text, /architecture +llama, \d+,\d{3},\d{3} parameters/);
  t.match(text, /BF16 +\d+ +\d+\.\d+ MB/);
  t.match(text, /on the device: weights \d\.\d+ MB \(int4-g32\)/);
});

t.test('the KV cache of a token takes half as much in f16', async (t) => {
  const half = await report(t, '--dtype', 'float16');
  const full = await report(t, '--dtype', 'float32');
  t.equal(full.memory.kvBytesPerToken, 2 * half.memory.kvBytesPerToken);
});

/** Bytes of weights on a device that holds the bundled model. Nothing runs there. */
async function ledger(quantization: string | null): Promise<number> {
  const config = await parseModelConfig(fable);
  const checkpoint = await openCheckpoint(fable);
  const ops = new WebGpuOps(await nullDevice(), 'f32');
  await loadModel(ops, checkpoint, config, {
    quantization: quantizationFormat(quantization),
    maxModelLen: config.maxPositionEmbeddings,
    onBytes: () => undefined,
  });
  await checkpoint.close();
  const { weights } = ops.memory();
  ops.destroy();
  return weights;
}

for (const quantization of [null, 'int8', 'int4', 'int4-g128-asym']) {
  t.test(`the bytes of ${quantization ?? 'the own format'} are what the device’s ledger says`, async (t) => {
    const args = quantization === null ? [] : ['--quantization', quantization];
    const { memory, tensors } = await report(t, ...args);
    const excess = (await ledger(quantization)) - memory.weightBytes;
    // A buffer is rounded up to 16 bytes, and a matrix has at most three: codes, scales, zero points.
    t.ok(excess >= 0 && excess < 3 * 16 * tensors.length, `${memory.weightBytes} bytes and ${excess} more`);
  });
}

t.test('an unknown quantization is refused', (t) =>
  refuses(t, () => runInspect(['--quantization', 'int5']), /^--quantization: "int5" is none of/),
);
