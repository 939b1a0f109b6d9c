import t from 'tap';
import { ggufScheme } from '#halflight/calibrate/job/gguf-schemes.js';
import { parseMethod } from '#halflight/calibrate/job/methods.js';
import { parseScheme } from '#halflight/calibrate/job/schemes.js';
import { ggufTarget, safetensorsTarget } from '#halflight/calibrate/job/target.js';
import { usualFileFormat } from '#halflight/checkpoint/write/formats.js';
import { writableTiny, writtenModel } from '../../support/gguf-written.js';

t.test('the same model is planned as a folder of safetensors, and as one GGUF file', async (t) => {
  const dir = await writableTiny(t, 'mistral');
  const { config, checkpoint } = await writtenModel(t, dir);
  const choice = parseMethod('rtn');
  const scheme = parseScheme('int8');
  const options = {
    scheme,
    file: usualFileFormat(scheme.format),
    keep: [],
    maxShardBytes: 1e9,
    actOrder: false,
  };
  const folder = await safetensorsTarget(config, options, choice.method).plan(checkpoint);
  t.equal(folder.checkpoint, checkpoint);
  t.same(folder.notes, []);
  const mixture = ggufScheme('q8_0');
  if (mixture === null) throw new Error('q8_0');
  const target = ggufTarget({ dir, config, scheme: mixture, keep: [], choice, name: 'm' });
  const { plan, notes, checkpoint: source } = await target.plan(checkpoint);
  t.same(
    plan.shards.files.map(({ name }) => name),
    ['model.gguf'],
  );
  t.ok(plan.tasks.every(({ info }) => source.tensors.has(info.name)));
  t.match(notes, [/window/]);
});
