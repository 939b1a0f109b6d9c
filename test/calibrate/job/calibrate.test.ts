import t from 'tap';
import { foldModel, openInputs } from '#halflight/calibrate/job/calibrate.js';
import { parseMethod } from '#halflight/calibrate/job/methods.js';
import { openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { parseQuantization } from '#halflight/quant/formats.js';
import { temporaryFolder } from '../../support/models.js';
import { tinyDir } from '../../support/tiny.js';

const samples = [Array.from({ length: 12 }, (_, i) => (7 * i * i + 3 * i + 5) % 97)];

t.test('folds change the checkpoint, and a job that goes on finds them where it left them', async (t) => {
  const checkpoint = await openCheckpoint(tinyDir('llama'));
  t.teardown(() => checkpoint.close());
  const config = await parseModelConfig(tinyDir('llama'));
  const dir = await temporaryFolder(t);
  const { folds } = parseMethod('smoothquant');
  if (folds === null) throw new Error('nothing to fold');
  const fold = (text: readonly (readonly number[])[]) => {
    const calibrated = { checkpoint, config, samples: text, device: 'cpu' as const, requireGpu: false };
    return foldModel(calibrated, folds, parseQuantization('int8'), dir, 'job');
  };
  const first = await fold(samples);
  const [norm, v] = ['model.layers.1.input_layernorm.weight', 'model.layers.1.self_attn.v_proj.weight'];
  const folded = await first.readF32(v);
  t.notSame(folded, await checkpoint.readF32(v));
  t.notSame(await first.readF32(norm), await checkpoint.readF32(norm));
  t.strictSame(await (await fold([])).readF32(v), folded);
});

t.test('inputs are told of with the Hessian only where it is asked for', async (t) => {
  const checkpoint = await openCheckpoint(tinyDir('llama'));
  t.teardown(() => checkpoint.close());
  const config = await parseModelConfig(tinyDir('llama'));
  const inputs = openInputs({ checkpoint, config, samples, device: 'cpu', requireGpu: false }, false);
  t.match(await inputs.statsOf('model.layers.0.self_attn.q_proj.weight'), { numTokens: 12, hessian: null });
  inputs.close();
});
