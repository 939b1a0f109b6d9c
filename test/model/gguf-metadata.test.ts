import t from 'tap';
import { readBack } from '#halflight/checkpoint/gguf/write.js';
import { loadArchitectures } from '#halflight/model/architectures.js';
import type { RopeConfig } from '#halflight/model/config.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { ggufSettingsOf, mainRope, modelKeys } from '#halflight/model/gguf-metadata.js';
import { tinyDir } from '../support/tiny.js';

const LLAMA = {
  architecture: 'llama',
  key: null,
  wideScaleLayers: null,
  modules: {},
  values: {},
  scaling: {},
};
const ROTATION = { theta: 10_000, rotaryDim: 16 };

async function keysWith(rope: RopeConfig) {
  const config = await parseModelConfig(tinyDir('llama'));
  return readBack(modelKeys({ ...config, ropes: [rope, rope, rope] }, LLAMA));
}

t.test('every family that is read is written', async (t) => {
  for (const architecture of await loadArchitectures()) {
    t.equal(ggufSettingsOf(architecture, 'config.json'), architecture.gguf, architecture.name);
    const unknown = { ...architecture, gguf: null };
    t.throws(() => ggufSettingsOf(unknown, 'config.json'), {
      name: 'CheckpointError',
      message: /cannot be written/,
    });
  }
});

t.test('the rotation’s scaling has the converter’s keys', async (t) => {
  t.match(await keysWith({ type: 'linear', ...ROTATION, factor: 4 }), {
    'llama.rope.scaling.type': 'linear',
    'llama.rope.scaling.factor': 4,
  });
  const long = { short: [1, 2], long: [3, 4], originalMaxPositions: 64, attentionFactor: 1.25 };
  t.match(await keysWith({ type: 'longrope', ...ROTATION, ...long }), {
    'llama.rope.scaling.original_context_length': 64,
    'llama.rope.scaling.attn_factor': 1.25,
  });
  const plain = await keysWith({ type: 'default', ...ROTATION });
  t.notOk(Object.keys(plain).some((key) => key.includes('scaling')));
});

t.test('a part of each head that is rotated is told, also where it is odd', async (t) => {
  const keys = await keysWith({ type: 'default', theta: 10_000, rotaryDim: 6, spread: 5 });
  t.equal(keys['llama.rope.dimension_count'], 5);
});

t.test('the rotation is that of layers that see all', async (t) => {
  const gemma = await parseModelConfig(tinyDir('gemma3'));
  t.equal(mainRope(gemma)?.theta, 1_000_000);
  t.equal(mainRope(await parseModelConfig(tinyDir('gpt2'))), null);
});
