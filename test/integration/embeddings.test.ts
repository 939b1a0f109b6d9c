import { join } from 'node:path';
import t from 'tap';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { createLocalEngine } from '#halflight/engine/local.js';
import { createRunner } from '#halflight/engine/runner.js';
import type { Engine, Pooling } from '#halflight/engine/types.js';
import { fakeRequest } from '../support/fake-runner.js';
import { fixture, root } from '../support/paths.js';
import { tinyDir, tinyOptions } from '../support/tiny.js';

/** Norms with a bias, heads with norms, norms behind and scaled embeddings, and the bundled model. */
const MODELS = {
  fable: join(root, 'models/fable'),
  qwen3: tinyDir('qwen3'),
  gpt2: tinyDir('gpt2'),
  gemma2: tinyDir('gemma2'),
};
const PROMPTS = [0, 1, 2];

/** Of numbers below 1 in vectors of length 1; both sides sum in f32, each in its own order, through all layers. */
const TOLERANCE = 1e-4;

async function reference(name: string) {
  const file = await openSafetensors(fixture(`embeddings/${name}.safetensors`));
  const ids = async (i: number) =>
    Array.from(new BigInt64Array((await file.read(`input_ids_${i}`)).data.buffer), Number);
  const vector = (pooling: Pooling, i: number) => file.readF32(`${pooling}_${i}`);
  return { ids, vector, close: () => file.close() };
}

async function embed(engine: Engine, promptTokenIds: readonly number[], pooling: Pooling) {
  const id = `${pooling} ${promptTokenIds.length}`;
  const embedding = await engine.embed({ id, promptTokenIds, pooling });
  const values = Array.from(embedding?.values ?? []);
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

for (const [name, modelDir] of Object.entries(MODELS)) {
  t.test(
    `${name} embeds prompts as transformers does, in chunks, together and beside an answer`,
    async (t) => {
      t.setTimeout(280_000);
      const options = tinyOptions('qwen3', { modelDir, computeType: 'float32' });
      const engine = createLocalEngine(await createRunner(options, () => undefined), options);
      const { ids, vector, close } = await reference(name);
      const jobs = PROMPTS.flatMap((i) => (['mean', 'last'] as const).map((pooling) => ({ i, pooling })));
      const answer = async (i: number) => {
        const tokenIds: number[] = [];
        for await (const token of engine.generate(fakeRequest('a', await ids(i), { temperature: 0 })))
          tokenIds.push(token.tokenId);
        return tokenIds;
      };
      const alone = await answer(1);
      // The second time the cache holds every prompt.
      for (const round of ['first', 'cached']) {
        const [beside, ...vectors] = await Promise.all([
          answer(1),
          ...jobs.map(async ({ i, pooling }) => embed(engine, await ids(i), pooling)),
        ]);
        for (const [k, { i, pooling }] of jobs.entries()) {
          const expected = await vector(pooling, i);
          const worst = expected.reduce(
            (most, value, j) => Math.max(most, Math.abs(value - vectors[k][j])),
            0,
          );
          t.ok(worst < TOLERANCE, `${pooling} of prompt ${i}, ${round}: off by ${worst}`);
        }
        t.same(beside, alone);
      }
      await engine.close();
      await close();
    },
  );
}
