import t from 'tap';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { firstDifference } from '../support/compare.js';
import { referenceRuns, TINY_MODELS, tinyDir, tinyOptions } from '../support/tiny.js';

/** Logits are up to 20 in size. The reference sums in f32 through all layers, measured 7.5e-6 off f64 at most, relative to 1 + |ref|. */
const TOLERANCE = { absolute: 1e-4, relative: 1e-4 };

for (const model of TINY_MODELS) {
  t.test(`${model} has in f64 the logits that transformers gives`, async (t) => {
    const options = tinyOptions(model, { device: 'cpu', computeType: 'float32' });
    const device = await createLogitsModel(options, () => undefined);
    const runs = (await referenceRuns(tinyDir(model))).slice(0, 3);
    for (const { promptTokenIds, logits } of runs) {
      const got = (await device.logits(promptTokenIds)).slice(-logits.length);
      t.equal(firstDifference(got, logits, TOLERANCE), null, `${promptTokenIds.length} tokens`);
    }
    device.destroy();
  });
}
