import t from 'tap';
import { randomCheckpoint } from '#halflight/bench/random-model.js';
import { LARGEST_SHAPE, SHAPES, SMALLEST_SHAPE, shapeConfig } from '#halflight/bench/shapes.js';

/** Parameters of the published models, as their pages count them, embeddings once where they are tied. */
const PARAMETERS: Readonly<Record<string, number>> = {
  'SmolLM2-135M': 134_515_008,
  'Qwen2.5-0.5B': 494_032_768,
  'Llama-3.2-1B': 1_235_814_400,
  'Llama-3.1-8B': 8_030_261_248,
  'gpt-oss-20b': 20_914_757_184,
  'Qwen3-30B-A3B': 30_532_122_624,
};

t.test('every shape has as many parameters as its model', async (t) => {
  for (const name of Object.keys(SHAPES)) {
    const { tensors } = randomCheckpoint(await shapeConfig(name, '--shape'), 1);
    const bytes = [...tensors.values()].reduce((sum, tensor) => sum + tensor.bytes, 0);
    t.equal(bytes / 2, PARAMETERS[name], name);
  }
  t.ok(SMALLEST_SHAPE in SHAPES && LARGEST_SHAPE in SHAPES);
});

t.test('an unknown shape is refused with the known ones', async (t) => {
  await t.rejects(shapeConfig('GPT-5', '--shape'), { name: 'UserError', message: /^--shape: "GPT-5".*135M/ });
  await t.rejects(shapeConfig('toString', '--shape'), { name: 'UserError' });
});
