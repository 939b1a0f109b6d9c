import { join } from 'node:path';
import t from 'tap';
import {
  BUNDLED_MODEL,
  engineOptions,
  modelDirectory,
  modelName,
  quantizationFormat,
} from '#halflight/commands/model-options.js';
import { MODEL_OPTIONS } from '#halflight/commands/options.js';
import { parseLine } from '#halflight/config.js';
import { refuses } from '../support/commands.js';
import { root } from '../support/paths.js';

t.test('without MODEL it is the bundled one, under its folder’s name', (t) => {
  t.equal(modelDirectory([]), BUNDLED_MODEL);
  t.equal(modelName(modelDirectory([])), 'fable');
  t.equal(modelName(modelDirectory([`${join(root, 'models')}/`])), 'models');
  t.end();
});

t.test('MODEL must be one folder that exists', async (t) => {
  await refuses(t, () => modelDirectory(['a', 'b']), /^MODEL: one at a time, but got a b$/);
  await refuses(t, () => modelDirectory(['org/name']), /^MODEL: org\/name: no such directory; name a folder/);
  const file = join(root, 'package.json');
  await refuses(t, () => modelDirectory([file]), /^MODEL: .*package\.json: not a directory/);
  await refuses(t, () => modelDirectory([join(file, 'x')]), /^MODEL: .*: no such directory/);
});

t.test('MODEL may be a GGUF file, under its name without the ending', async (t) => {
  const dir = t.testdir({ 'fable.Q4_0.gguf': '', 'folder.gguf': {} });
  t.equal(modelDirectory([join(dir, 'fable.Q4_0.gguf')]), join(dir, 'fable.Q4_0.gguf'));
  t.equal(modelName(join(dir, 'fable.Q4_0.gguf')), 'fable.Q4_0');
  await refuses(
    t,
    () => modelDirectory([join(dir, 'x.gguf')]),
    /^MODEL: .*: no such directory; name .* or a \.gguf file$/,
  );
});

t.test('an unknown quantization is refused with the known ones', async (t) => {
  t.equal(quantizationFormat(null), null);
  t.equal(quantizationFormat('int4-g128')?.groupSize, 128);
  await refuses(t, () => quantizationFormat('int5'), /^--quantization: "int5" is none of int8, /);
});

t.test('the flags become the engine’s options', (t) => {
  const args = [
    '--dtype',
    'float16',
    '--quantization',
    'int8',
    '--max-model-len',
    '64',
    '--kv-cache-memory',
    '1MB',
  ];
  t.match(engineOptions('/m', parseLine(args, MODEL_OPTIONS).values), {
    modelDir: '/m',
    computeType: 'float16',
    quantization: 'int8',
    maxModelLen: 64,
    kvCacheMemoryBytes: 1e6,
    device: 'webgpu',
    autotune: true,
  });
  t.equal(engineOptions('/m', parseLine(['--no-autotune'], MODEL_OPTIONS).values).autotune, false);
  t.end();
});
