import t from 'tap';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { loadModel } from '#halflight/model/load.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { changedCheckpoint, tinyDir } from '../support/tiny.js';

t.test('a GPT-2 loads with the prefix of its names and without it, to the same weights', async (t) => {
  const config = await parseModelConfig(tinyDir('gpt2'));
  const loaded = async (prefix: string) => {
    const checkpoint = await changedCheckpoint(t.testdir(), 'gpt2', (tensor) => ({
      ...tensor,
      name: tensor.name.replace('transformer.', prefix),
    }));
    const options = { quantization: null, maxModelLen: 8, onBytes: () => undefined };
    const model = await loadModel(new CpuOps(), checkpoint, config, options);
    await checkpoint.close();
    return model;
  };
  const [bare, named] = [await loaded(''), await loaded('transformer.')];
  t.strictSame(bare.layers[2].qkv.weight, named.layers[2].qkv.weight);
  t.strictSame(bare.finalNorm, named.finalNorm);
  await t.rejects(loaded('model.'), {
    name: 'CheckpointError',
    message: /wte\.weight: no such/,
  });
});
