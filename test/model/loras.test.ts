import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { writeSafetensors } from '#halflight/checkpoint/safetensors-write.js';
import { CheckpointError } from '#halflight/errors.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { type LoraAdapter, openAdapter } from '#halflight/model/lora-adapter.js';
import { loadLoras, loraBytes, numRanks } from '#halflight/model/loras.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { temporaryFolder } from '../support/models.js';
import { fixture } from '../support/paths.js';
import { tinyDir } from '../support/tiny.js';

const config = await parseModelConfig(tinyDir('llama'));
const { hiddenSize, intermediateSize, numHeads, numKvHeads, headDim, numLayers } = config;

async function open(t: Test, ...dirs: string[]): Promise<LoraAdapter[]> {
  const adapters = await Promise.all(dirs.map((dir) => openAdapter(dir)));
  t.teardown(() => Promise.all(adapters.map(({ checkpoint }) => checkpoint.close())));
  return adapters;
}

t.test('all adapters of a product are one set, with room for the highest rank', async (t) => {
  const adapters = await open(t, fixture('lora/llama/one'), fixture('lora/llama/two'));
  const layers = await loadLoras(new CpuOps(), adapters, config);
  t.equal(layers?.length, numLayers);
  const qkv = layers?.[0].qkv;
  const size = (numHeads + 2 * numKvHeads) * headDim;
  t.match(qkv, { rank: 6, a: { rows: 2 * 3 * 6, cols: hiddenSize }, b: { rows: 2 * size, cols: 6 } });
  t.strictSame(qkv?.ends, [numHeads * headDim, (numHeads + numKvHeads) * headDim, size]);
  t.match(layers?.[0].o, { rank: 4, ends: [hiddenSize] });
  t.match(layers?.[0].down, { rank: 6, a: { cols: intermediateSize } });
  t.equal(numRanks(adapters, config), 18);
  const floats = [
    6 * (3 * hiddenSize + size),
    4 * 2 * hiddenSize,
    4 * (2 * hiddenSize + 2 * intermediateSize),
    6 * (intermediateSize + hiddenSize),
  ];
  t.equal(loraBytes(adapters, config), 4 * 2 * numLayers * floats.reduce((sum, count) => sum + count, 0));
});

t.test('a model without adapters has no sets', async (t) => {
  t.equal(await loadLoras(new CpuOps(), [], config), null);
  t.equal(numRanks([], config), 0);
  t.equal(loraBytes([], config), 0);
});

/** The adapter with one tensor more, or in another's place. */
async function withTensor(t: Test, name: string, shape: readonly number[]): Promise<LoraAdapter[]> {
  const dir = await temporaryFolder(t);
  await cp(fixture('lora/llama/two'), dir, { recursive: true });
  const file = join(dir, 'adapter_model.safetensors');
  await rm(file);
  const size = shape.reduce((product, count) => product * count, 1);
  await writeSafetensors(file, [{ name, dtype: 'F32', shape: [...shape], data: new Uint8Array(4 * size) }]);
  return open(t, dir);
}

t.test('a tensor of another module, or of another shape, is refused by its name', async (t) => {
  const ops = new CpuOps();
  const head = 'base_model.model.lm_head.lora_A.weight';
  await t.rejects(loadLoras(ops, await withTensor(t, head, [4, hiddenSize]), config), {
    message: /lm_head/,
    field: head,
  });
  const q = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight';
  await t.rejects(loadLoras(ops, await withTensor(t, q, [4, 3]), config), {
    field: q,
    message: /shape \[4,3\]/,
  });
  await t.rejects(loadLoras(ops, await withTensor(t, q, [4, hiddenSize]), config), CheckpointError, 'no B');
});
