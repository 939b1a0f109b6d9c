import { basename } from 'node:path';
import type { Test } from 'tap';
import { createLocalEngine } from '#halflight/engine/local.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { ENGINE_DEFAULTS, type EngineOptions } from '#halflight/engine/options.js';
import { GREEDY } from '#halflight/engine/request.js';
import { createRunner } from '#halflight/engine/runner.js';
import type { Engine } from '#halflight/engine/types.js';
import { firstDifference, type Tolerance } from './compare.js';
import { type ReferenceRun, referenceRuns } from './tiny.js';

/**
 * Of logits up to 20 in size. f32: both sides sum in f32, each in its own order, through all layers, which was measured to differ by 1.4e-5
 * at most; an adapter's faster exp and sin may add some. f16: activations are rounded to 11 bits some eight times in each of 3 or 4 layers,
 * measured 8.1e-3 at most.
 */
export const TOLERANCES: Readonly<Record<'float32' | 'float16', Tolerance>> = {
  float32: { absolute: 2e-4, relative: 2e-4 },
  float16: { absolute: 0.03, relative: 0.01 },
};

/** Holds a model on the GPU against the reference's logits and greedy tokens. */
export function sameAsReference(t: Test, modelDir: string, computeType: 'float32' | 'float16'): void {
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
  const sampling = { ...GREEDY, maxTokens: run.greedyTokenIds.length };
  const tokenIds: number[] = [];
  for await (const { tokenId } of engine.generate({ id, promptTokenIds: run.promptTokenIds, sampling })) {
    tokenIds.push(tokenId);
  }
  return tokenIds;
}
