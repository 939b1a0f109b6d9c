import t from 'tap';
import { randomCheckpoint } from '#halflight/bench/random-model.js';
import { createLocalEngine } from '#halflight/engine/local.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { GREEDY } from '#halflight/engine/request.js';
import { createRunner } from '#halflight/engine/runner.js';
import type { ModelConfig } from '#halflight/model/config.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { parseQuantization } from '#halflight/quant/formats.js';
import { tinyShape } from '../support/bench.js';
import { EXPERT_MODELS, tinyDir } from '../support/tiny.js';

const SHAPES: readonly (readonly [name: string, config: () => Promise<ModelConfig>])[] = [
  ['a dense model', tinyShape],
  ...EXPERT_MODELS.map((model) => [model, () => parseModelConfig(tinyDir(model))] as const),
];

for (const [name, configOf, quantization] of SHAPES.flatMap(([name, configOf]) =>
  [null, 'int4', 'int8'].map((format) => [name, configOf, format] as const),
)) {
  t.test(`an engine runs on random weights of ${name}, ${quantization ?? 'unquantized'}`, async (t) => {
    const config = await configOf();
    const changes = { quantization, maxModelLen: 32, maxNumSeqs: 1, device: 'cpu' } as const;
    const options = { ...ENGINE_DEFAULTS, ...changes, modelDir: '' };
    const source = { config, checkpoint: randomCheckpoint(config, 1) };
    const model = await createRunner(
      options,
      () => undefined,
      async () => source,
    );
    const engine = createLocalEngine(model, options);
    const sampling = { ...GREEDY, maxTokens: 20, numLogprobs: 1 };
    const logprobs: number[] = [];
    for await (const output of engine.generate({ id: 'a', promptTokenIds: [1, 2, 3], sampling })) {
      logprobs.push(output.logprobs?.logprob ?? Number.NaN);
    }
    await engine.close();
    t.equal(logprobs.length, 20);
    t.ok(logprobs.every(Number.isFinite), 'no NaN arises');
  });
}

t.test('rows of a matrix are made as many as are asked for', async (t) => {
  const checkpoint = randomCheckpoint(await tinyShape(), 1);
  const { data } = await checkpoint.read('model.embed_tokens.weight', { start: 3, count: 5 });
  t.equal(data.length, 2 * 5 * 64);
});

t.test('matrices come in any format, and a tensor that the model lacks is refused', async (t) => {
  const checkpoint = randomCheckpoint(await tinyShape(), 1);
  const format = parseQuantization('int8');
  t.match(await checkpoint.packed?.('model.layers.1.mlp.down_proj.weight', format), {
    format,
    rows: 64,
    cols: 96,
  });
  t.strictSame([...(await checkpoint.readF32('model.norm.weight'))], new Array(64).fill(1));
  await t.rejects(checkpoint.read('lm_head.weight'), { name: 'CheckpointError' }, 'tied to the embedding');
  await checkpoint.close();
});
