import { join } from 'node:path';
import t from 'tap';
import { keptModules, linearModules, moduleOf } from '#halflight/calibrate/job/modules.js';
import { openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { TINY_MODELS, tinyDir } from '../../support/tiny.js';

t.test('every matrix of every family is found, but norms, embeddings and routers are not', async (t) => {
  for (const model of TINY_MODELS) {
    const checkpoint = await openCheckpoint(join(tinyDir(model)));
    const config = await parseModelConfig(tinyDir(model));
    const found = linearModules(config, checkpoint);
    const kept = new Set(keptModules(config, checkpoint));
    const matrices = [...checkpoint.tensors.values()]
      .filter(({ name, shape }) => shape.length > 1 && !/bias|embed|wte|wpe|lm_head|embed_out/.test(name))
      .filter(({ name }) => !kept.has(moduleOf(name)));
    t.strictSame(found.map(({ tensor }) => tensor).sort(), matrices.map(({ name }) => name).sort(), model);
    await checkpoint.close();
  }
});
