import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Checkpoint, openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import { type TensorData, writeSafetensors } from '#halflight/checkpoint/safetensors-write.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { ExpertMatrices, expertNamesIn } from '#halflight/model/expert-matrices.js';
import { loadModel } from '#halflight/model/load.js';
import { Matrices } from '#halflight/model/matrices.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { dequantize, formatName, parseQuantization } from '#halflight/quant/formats.js';
import { changedCheckpoint, tinyDir } from '../support/tiny.js';

const OPTIONS = { quantization: null, maxModelLen: 8, onBytes: () => undefined };

/** The experts' weights of Mixtral's layers, from a checkpoint that holds them otherwise. */
async function mixtralExperts(checkpoint: Checkpoint) {
  const config = await parseModelConfig(tinyDir('mixtral'));
  const { layers } = await loadModel(new CpuOps(), checkpoint, config, OPTIONS);
  await checkpoint.close();
  return layers.map(({ router, gateUp, down }) => [router?.weight, gateUp.weight, down.weight]);
}

/** `[experts][rows][cols]` of the modules of a layer, stacked expert by expert. */
async function stacked(source: Checkpoint, paths: readonly string[]): Promise<Omit<TensorData, 'name'>> {
  const parts: Uint8Array[] = [];
  let shape: readonly number[] = [];
  for (let expert = 0; expert < 4; expert++) {
    for (const path of paths) {
      const { info, data } = await source.read(path.replace('{expert}', String(expert)));
      shape = info.shape;
      parts.push(data);
    }
  }
  return { dtype: 'BF16', shape: [4, paths.length * shape[0], shape[1]], data: Buffer.concat(parts) };
}

/** Mixtral as transformers 5 holds it in memory: a tensor for all experts of a layer. */
async function withStackedExperts(t: Test): Promise<Checkpoint> {
  const source = await openCheckpoint(tinyDir('mixtral'));
  const tensors: TensorData[] = [];
  for (const { name, shape } of source.tensors.values()) {
    if (name.includes('.experts.')) continue;
    const renamed = name.replace('block_sparse_moe.gate', 'mlp.gate');
    tensors.push({ name: renamed, dtype: 'BF16', shape, data: (await source.read(name)).data });
  }
  for (let layer = 0; layer < 3; layer++) {
    const path = (module: string) =>
      `model.layers.${layer}.block_sparse_moe.experts.{expert}.${module}.weight`;
    const name = `model.layers.${layer}.mlp.experts`;
    tensors.push({ ...(await stacked(source, [path('w1'), path('w3')])), name: `${name}.gate_up_proj` });
    tensors.push({ ...(await stacked(source, [path('w2')])), name: `${name}.down_proj` });
  }
  await source.close();
  const dir = t.testdir();
  await writeSafetensors(join(dir, 'model.safetensors'), tensors);
  return openCheckpoint(dir);
}

t.test('experts load alike from a module for each and from one tensor of all', async (t) => {
  const apart = await mixtralExperts(await openCheckpoint(tinyDir('mixtral')));
  const together = await mixtralExperts(await withStackedExperts(t));
  t.strictSame(together, apart);
});

t.test('an expert that is missing is named', async (t) => {
  const gone = 'model.layers.1.block_sparse_moe.experts.2.w3.weight';
  const checkpoint = await changedCheckpoint(t.testdir(), 'mixtral', (tensor) =>
    tensor.name === gone ? null : tensor,
  );
  await t.rejects(mixtralExperts(checkpoint), { name: 'CheckpointError', message: /experts\.2\.w3\.weight/ });
});

/** The expert matrices of gpt-oss, transposed and interleaved in its checkpoint. */
async function gptOss(quantization: string | null) {
  const config = await parseModelConfig(tinyDir('gpt_oss'));
  const checkpoint = await openCheckpoint(tinyDir('gpt_oss'));
  if (config.experts === null) throw new Error('gpt-oss has experts');
  const format = quantization === null ? null : parseQuantization(quantization);
  let bytes = 0;
  const onBytes = (done: number) => {
    bytes = done;
  };
  const matrices = new Matrices(checkpoint, config, { quantization: format, onBytes });
  const names = expertNamesIn(config.weights.experts, checkpoint.tensors, 1);
  const experts = new ExpertMatrices(matrices, config.experts);
  return { checkpoint, names, experts, bytesRead: () => bytes };
}

for (const quantization of [null, 'int8']) {
  t.test(
    `gates come before what they gate, in rows of outputs, ${quantization ?? 'unquantized'}`,
    async (t) => {
      const { checkpoint, names, experts, bytesRead } = await gptOss(quantization);
      const sources = experts.sources(
        [
          [names.gate, 128],
          [names.up, 128],
        ],
        64,
      );
      t.equal(sources.length, 4);
      t.equal(formatName(sources[0].format), quantization ?? 'bf16');
      const values = dequantize(await sources[2].read(0, 256));
      const raw = (await checkpoint.readF32(names.gate.weight)).subarray(2 * 64 * 256, 3 * 64 * 256);
      // A row's scale is its greatest weight / 127, here below 1 / 127.
      const tolerance = quantization === null ? 0 : 0.5 / 127;
      for (const [row, from] of [
        [0, 0],
        [127, 254],
        [128, 1],
        [255, 255],
      ]) {
        const worst = Array.from({ length: 64 }, (_, k) =>
          Math.abs(values[row * 64 + k] - raw[k * 256 + from]),
        ).reduce((most, error) => Math.max(most, error), 0);
        t.ok(worst <= tolerance, `row ${row} is column ${from}, off by ${worst}`);
      }
      t.equal(bytesRead(), 64 * 256 * 2, 'of one expert');
      await checkpoint.close();
    },
  );
}

t.test('biases take the same order', async (t) => {
  const { checkpoint, names, experts } = await gptOss(null);
  const biases = await experts.biases([
    [names.gate, 128],
    [names.up, 128],
  ]);
  const raw = await checkpoint.readF32('model.layers.1.mlp.experts.gate_up_proj_bias');
  const expected = [0, 1, 2, 3].flatMap((expert) => {
    const own = [...raw.subarray(expert * 256, (expert + 1) * 256)];
    return [...own.filter((_, i) => i % 2 === 0), ...own.filter((_, i) => i % 2 === 1)];
  });
  t.strictSame([...(biases ?? [])], expected);
  const down = await experts.biases([[names.down, 64]]);
  t.strictSame(down, await checkpoint.readF32('model.layers.1.mlp.experts.down_proj_bias'));
  await checkpoint.close();
});
