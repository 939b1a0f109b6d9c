import { statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { writeSafetensors } from '#halflight/checkpoint/safetensors-write.js';
import { runInspect } from '#halflight/commands/inspect.js';
import type { Fit } from '#halflight/engine/fit.js';
import { gptqTensors, randomCoded } from '../checkpoint/quantized/packers.js';
import { printed, refuses } from '../support/commands.js';
import { copyTinyModel, editConfig, fable } from '../support/models.js';
import { tinyDir } from '../support/tiny.js';

interface Report {
  readonly parameters: number;
  readonly formats: readonly { dtype: string; tensors: number; bytes: number }[];
  readonly memory: { weightBytes: number; kvBytesPerToken: number; weightFormat: string };
  readonly fits: readonly { on: string; limitBytes: number; maxModelLen: number; fits: readonly Fit[] }[];
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

t.test('tells of experts', async (t) => {
  const text = await printed(t, () => runInspect([tinyDir('qwen3_moe')]));
  t.match(text, /experts +8, 2 of them for each token, FFN 64, in 2 layers/);
  t.match(await printed(t, () => runInspect([tinyDir('mixtral')])), /experts +4, 2 .* in every layer/);
});

t.test('prints the same for people', async (t) => {
  const text = await printed(t, () => runInspect(['--quantization', 'int4']));
  t.match(text, /architecture +llama, \d+,\d{3},\d{3} parameters/);
  t.match(text, /BF16 +\d+ +\d+\.\d+ MB/);
  t.match(text, /on the device: weights \d\.\d+ MB \(int4-g32\)/);
});

t.test('tells what fits a given memory, as a table and in JSON', async (t) => {
  const text = await printed(t, () => runInspect(['--gpu-memory-limit', '24GiB']));
  t.match(
    text,
    /within 25\.8 GB \(--gpu-memory-limit\):\n +weights .*\n +as stored +7\.61 MB +[\d,]+ .* yes\n/,
  );
  const { fits } = await report(t, '--gpu-memory-limit', '24GiB');
  t.match(fits.at(-1), { on: '--gpu-memory-limit', limitBytes: 24 * 2 ** 30, fits: [{ fits: true }] });
});

t.test('a matrix in codes is told by the format that it is stored in', async (t) => {
  const dir = await copyTinyModel(t);
  const coded = randomCoded({ rows: 32, cols: 64, bits: 4, groupSize: 32 });
  await writeSafetensors(
    join(dir, 'model.safetensors'),
    gptqTensors('model.layers.0.self_attn.k_proj', coded, 1),
  );
  const quantization_config = { quant_method: 'gptq', bits: 4, group_size: 32, sym: false };
  await editConfig(dir, { quantization_config });
  const { tensors, formats, parameters } = await report(t, dir);
  t.match(tensors, [
    { name: 'model.layers.0.self_attn.k_proj.weight', dtype: 'GPTQ 4-bit g32', shape: [32, 64] },
  ]);
  t.match(formats, [{ dtype: 'GPTQ 4-bit g32', tensors: 1 }]);
  t.equal(parameters, 32 * 64);
});

t.test('the KV cache of a token takes half as much in f16', async (t) => {
  const half = await report(t, '--dtype', 'float16');
  const full = await report(t, '--dtype', 'float32');
  t.equal(full.memory.kvBytesPerToken, 2 * half.memory.kvBytesPerToken);
});

t.test('the KV cache of a token takes what its own type asks for', async (t) => {
  const memoryOf = async (type: string) =>
    (await report(t, '--dtype', 'float16', '--kv-cache-dtype', type)).memory;
  const [half, int8, int4] = [await memoryOf('auto'), await memoryOf('int8'), await memoryOf('int4')];
  t.match([int8, int4], [{ computeType: 'f16', kvCacheType: 'int8' }, { kvCacheType: 'int4' }]);
  t.ok(int8.kvBytesPerToken < half.kvBytesPerToken);
  t.ok(int4.kvBytesPerToken < int8.kvBytesPerToken);
});

t.test('an unknown quantization is refused', (t) =>
  refuses(t, () => runInspect(['--quantization', 'int5']), /^--quantization: "int5" is none of/),
);

t.test('what fits is told of the device that is asked for', async (t) => {
  await refuses(t, () => runInspect([fable, '--device', 'Voodoo 2']), /^--device: Voodoo 2 is none of: 0 /);
  // What is free of a software adapter's memory changes with what else the machine does, and with it three figures.
  const told = async (...args: string[]) => {
    const { fits } = await report(t, fable, ...args);
    return fits.map(({ limitBytes, fits: formats, ...device }) => ({
      ...device,
      formats: formats.map(({ leftBytes, kvTokens, sequences, ...format }) => format),
    }));
  };
  t.strictSame(await told('--device', '0'), await told());
  t.strictSame((await report(t, fable, '--device', 'cpu')).fits, []);
});
