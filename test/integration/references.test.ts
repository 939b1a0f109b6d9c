import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { createLocalEngine } from '#halflight/engine/local.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { ENGINE_DEFAULTS, type EngineOptions } from '#halflight/engine/options.js';
import { createRunner } from '#halflight/engine/runner.js';
import type { Engine } from '#halflight/engine/types.js';
import { firstDifference, type Tolerance } from '../support/compare.js';
import { root } from '../support/paths.js';
import { type ReferenceRun, referenceRuns, TINY_MODELS, tinyDir } from '../support/tiny.js';

const MODELS = [...TINY_MODELS.map(tinyDir), join(root, 'models/fable')];

/**
 * Of logits up to 20 in size. f32: both sides sum in f32, each in its own order, through all layers, which was measured to differ by 1.4e-5
 * at most; an adapter's faster exp and sin may add some. f16: activations are rounded to 11 bits some eight times in each of 3 or 4 layers,
 * measured 8.1e-3 at most.
 */
const TOLERANCES: Readonly<Record<'float32' | 'float16', Tolerance>> = {
  float32: { absolute: 2e-4, relative: 2e-4 },
  float16: { absolute: 0.03, relative: 0.01 },
};

// The first compilation of all kernels takes a software adapter half a minute or more for each model.
t.setTimeout(280_000);

for (const modelDir of MODELS) {
  for (const computeType of ['float32', 'float16'] as const) {
    const options = { ...ENGINE_DEFAULTS, modelDir, computeType, maxModelLen: 160 };
    const name = `${basename(modelDir)} in ${computeType}`;
    t.test(`${name} gives the reference's logits`, async (t) => {
      t.setTimeout(280_000);
      await sameLogits(t, options, TOLERANCES[computeType]);
    });
    t.test(`${name} continues all prompts together as the reference continues each`, async (t) => {
      t.setTimeout(280_000);
      await sameContinuations(t, options);
    });
  }
}

// The reference has no quantized runs, so the f64 reference of the operations stands in: the same codes, so the same tolerance.
for (const quantization of ['int8', 'int4', 'int4-g64-asym']) {
  t.test(`qwen3 in ${quantization} gives on the GPU the logits of the CPU reference`, async (t) => {
    t.setTimeout(280_000);
    const options = { ...ENGINE_DEFAULTS, modelDir: tinyDir('qwen3'), maxModelLen: 160, quantization };
    const [, , { promptTokenIds }] = await referenceRuns(options.modelDir);
    const logitsOn = async (device: EngineOptions['device']) => {
      const model = await createLogitsModel({ ...options, device, computeType: 'float32' }, () => undefined);
      const logits = await model.logits(promptTokenIds);
      model.destroy();
      return logits;
    };
    const [got, expected] = [await logitsOn('webgpu'), await logitsOn('cpu')];
    t.equal(firstDifference(got, expected, TOLERANCES.float32), null);
  });
}

async function sameLogits(t: Test, options: EngineOptions, tolerance: Tolerance): Promise<void> {
  const model = await createLogitsModel(options, () => undefined);
  for (const { promptTokenIds, logits } of await referenceRuns(options.modelDir)) {
    const got = (await model.logits(promptTokenIds)).slice(-logits.length);
    const worst = got.reduce((most, value, i) => Math.max(most, Math.abs(value - logits[i])), 0);
    t.equal(
      firstDifference(got, logits, tolerance),
      null,
      `${promptTokenIds.length} tokens, off by ${worst}`,
    );
  }
  model.destroy();
}

async function sameContinuations(t: Test, options: EngineOptions): Promise<void> {
  const engine = createLocalEngine(await createRunner(options, () => undefined), options);
  const runs = await referenceRuns(options.modelDir);
  const texts = await Promise.all(runs.map((run, i) => continuation(engine, `${i}`, run)));
  await engine.close();
  for (const [i, run] of runs.entries()) {
    t.strictSame(texts[i], run.greedyTokenIds, `${run.promptTokenIds.length} tokens`);
  }
}

async function continuation(engine: Engine, id: string, run: ReferenceRun): Promise<number[]> {
  const sampling = {
    maxTokens: run.greedyTokenIds.length,
    temperature: 0,
    topK: 0,
    topP: 1,
    minP: 0,
    seed: 0n,
    ignoreEos: true,
    stopTokenIds: [],
  };
  const tokenIds: number[] = [];
  for await (const { tokenId } of engine.generate({ id, promptTokenIds: run.promptTokenIds, sampling })) {
    tokenIds.push(tokenId);
  }
  return tokenIds;
}
