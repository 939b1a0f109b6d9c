import { join } from 'node:path';
import t from 'tap';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { ENGINE_DEFAULTS, type EngineOptions } from '#halflight/engine/options.js';
import { firstDifference } from '../support/compare.js';
import { root } from '../support/paths.js';
import { sameAsReference, TOLERANCES } from '../support/references.js';
import { referenceRuns, tinyDir } from '../support/tiny.js';

const MODELS = [
  ...(['llama', 'mistral', 'qwen2', 'qwen3'] as const).map(tinyDir),
  join(root, 'models/fable'),
];

// The first compilation of all kernels takes a software adapter half a minute or more for each model.
t.setTimeout(280_000);

for (const modelDir of MODELS) {
  for (const computeType of ['float32', 'float16'] as const) sameAsReference(t, modelDir, computeType);
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
