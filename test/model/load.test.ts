import t, { type Test } from 'tap';
import { openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import type { TensorData } from '#halflight/checkpoint/safetensors-write.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { type LoadOptions, loadModel } from '#halflight/model/load.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import type { Weight } from '#halflight/ops/ops.js';
import { formatName, parseQuantization } from '#halflight/quant/formats.js';
import type { PackedRows } from '#halflight/quant/packed-rows.js';
import { changedCheckpoint, type TinyModel, tinyDir } from '../support/tiny.js';

const OPTIONS: LoadOptions = { quantization: null, maxModelLen: 8, onBytes: () => undefined };
const K_PROJ = 'model.layers.1.self_attn.k_proj.weight';

/** Keeps what is uploaded: shape and format, such as `128×64 bf16`. */
class RecordingOps extends CpuOps {
  readonly weights: string[] = [];

  override loadWeight(parts: readonly PackedRows[]): Promise<Weight<Float64Array>> {
    for (const { rows, cols, format } of parts) this.weights.push(`${rows}×${cols} ${formatName(format)}`);
    return super.loadWeight(parts);
  }
}

async function load(model: TinyModel, options: Partial<LoadOptions> = {}, ops = new RecordingOps()) {
  const checkpoint = await openCheckpoint(tinyDir(model));
  const config = await parseModelConfig(tinyDir(model));
  const loaded = await loadModel(ops, checkpoint, config, { ...OPTIONS, ...options });
  await checkpoint.close();
  return { model: loaded, weights: ops.weights };
}

t.test('matrices are uploaded as the checkpoint has them: q, k, v stacked, and gate, up', async (t) => {
  const { weights } = await load('llama');
  const layer = ['128×64 bf16', '64×64 bf16', '256×64 bf16', '64×128 bf16'];
  t.strictSame(weights, ['2048×64 bf16', ...layer, ...layer, ...layer, '2048×64 bf16']);
  t.match((await load('mistral')).weights[0], '2048×64 f16');
});

t.test('quantization rounds the layers and leaves embedding and output matrix alone', async (t) => {
  const { weights } = await load('llama', { quantization: parseQuantization('int4') });
  const layer = ['128×64', '64×64', '256×64', '64×128'].map((shape) => `${shape} int4-g32`);
  t.strictSame(weights, ['2048×64 bf16', ...layer, ...layer, ...layer, '2048×64 bf16']);
});

t.test('a tied output matrix is the embedding itself', async (t) => {
  const { model } = await load('qwen2');
  t.equal(model.lmHead, model.embedding);
  t.not((await load('llama')).model.lmHead, model.embedding);
});

t.test('biases are stacked as their matrices are, with zeros where a matrix has none', async (t) => {
  const checkpoint = await changedCheckpoint(t.testdir(), 'qwen2', (tensor) => {
    const value = /self_attn\.([qkv])_proj\.bias/.exec(tensor.name)?.[1];
    return value === undefined ? tensor : filledWith(tensor, { q: 1, k: 2, v: 3 }[value] ?? 0);
  });
  const config = await parseModelConfig(tinyDir('qwen2'));
  const { weights } = config;
  const withoutK = { ...config, weights: { ...weights, k: { ...weights.k, bias: null } } };
  for (const [one, k] of [
    [config, 2],
    [withoutK, 0],
  ] as const) {
    const { layers } = await loadModel(new CpuOps(), checkpoint, one, OPTIONS);
    const bias = [...(layers[2].qkv.bias?.data ?? [])];
    t.strictSame(bias, [...Array(64).fill(1), ...Array(32).fill(k), ...Array(32).fill(3)]);
    t.equal(layers[2].o.bias, null);
  }
  await checkpoint.close();
});

t.test('the norms of heads lie together, that of q first', async (t) => {
  const checkpoint = await changedCheckpoint(t.testdir(), 'qwen3', (tensor) => {
    const value = /self_attn\.([qk])_norm/.exec(tensor.name)?.[1];
    return value === undefined ? tensor : filledWith(tensor, value === 'q' ? 1 : 2);
  });
  const config = await parseModelConfig(tinyDir('qwen3'));
  const { layers } = await loadModel(new CpuOps(), checkpoint, config, OPTIONS);
  t.strictSame([...(layers[0].headNorms?.data ?? [])], [...Array(32).fill(1), ...Array(32).fill(2)]);
  t.equal((await load('llama')).model.layers[0].headNorms, null);
  await checkpoint.close();
});

t.test('layers know their window, and the rotation table covers the length', async (t) => {
  const { model } = await load('mistral', { maxModelLen: 40 });
  t.strictSame(
    model.layers.map((layer) => layer.window),
    [24, 24, 24],
  );
  t.match(model.layers[0].rope, { rows: 40, cols: 16 });
  t.equal((await load('llama')).model.layers[0].window, null);
});

t.test('progress counts the bytes of every tensor, up to all of them', async (t) => {
  const checkpoint = await openCheckpoint(tinyDir('llama'));
  const total = [...checkpoint.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  await checkpoint.close();
  const steps: number[] = [];
  await load('llama', { onBytes: (bytes) => steps.push(bytes) });
  t.equal(steps.length, checkpoint.tensors.size);
  t.ok(steps.every((bytes, i) => i === 0 || bytes > steps[i - 1]));
  t.equal(steps.at(-1), total);
});

function filledWith(tensor: TensorData, value: number): TensorData {
  const size = tensor.shape.reduce((product, length) => product * length, 1);
  return { ...tensor, dtype: 'F32', data: new Float32Array(size).fill(value) };
}

/** Loading the changed checkpoint must fail with this message, file and tensor in front. */
async function refuses(
  t: Test,
  change: (tensor: TensorData) => TensorData | null,
  problem: string,
  options: Partial<LoadOptions> = {},
): Promise<void> {
  const dir = t.testdir();
  const checkpoint = await changedCheckpoint(dir, 'llama', (tensor) =>
    tensor.name === K_PROJ ? change(tensor) : tensor,
  );
  const config = await parseModelConfig(tinyDir('llama'));
  await t.rejects(loadModel(new CpuOps(), checkpoint, config, { ...OPTIONS, ...options }), {
    name: 'CheckpointError',
    message: `${dir}/model.safetensors: ${K_PROJ}: ${problem}`,
  });
  await checkpoint.close();
}

t.test('a missing tensor is named with its file', async (t) => {
  await refuses(t, () => null, 'no such tensor, but llama needs it');
});

t.test('a tensor of another shape is named with both shapes', async (t) => {
  const narrow = (tensor: TensorData) => ({ ...tensor, shape: [16, 128] });
  await refuses(t, narrow, 'shape [16,128], but config.json asks for [32,64]');
});

t.test('a tensor of a type that holds no weights is named with its type', async (t) => {
  const integers = (tensor: TensorData) => ({ ...tensor, dtype: 'I16' }) as const;
  await refuses(t, integers, 'I16, but a weight must be F32, F16 or BF16');
  const quantization = parseQuantization('int8');
  await refuses(t, integers, 'I16, but F32, F16 or BF16 is needed here', { quantization });
});

t.test('a weight that cannot be quantized is named', async (t) => {
  const checkpoint = await changedCheckpoint(t.testdir(), 'llama', (tensor) =>
    tensor.name === K_PROJ ? filledWith(tensor, Number.NaN) : tensor,
  );
  const config = await parseModelConfig(tinyDir('llama'));
  const options = { ...OPTIONS, quantization: parseQuantization('int4') };
  await t.rejects(loadModel(new CpuOps(), checkpoint, config, options), {
    name: 'UserError',
    message: new RegExp(K_PROJ.replaceAll('.', '\\.')),
  });
  await checkpoint.close();
});
