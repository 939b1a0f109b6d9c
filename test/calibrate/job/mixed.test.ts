import t, { type Test } from 'tap';
import { mixingOf, planMixed } from '#halflight/calibrate/job/mixed.js';
import { planJob } from '#halflight/calibrate/job/plan.js';
import { parseScheme } from '#halflight/calibrate/job/schemes.js';
import { openCheckpoint } from '#halflight/checkpoint/checkpoint.js';
import { FILE_FORMATS } from '#halflight/checkpoint/write/formats.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { temporaryFolder } from '../../support/models.js';
import { type TinyModel, tinyDir } from '../../support/tiny.js';

const samples = [Array.from({ length: 12 }, (_, i) => (7 * i * i + 3 * i + 5) % 97)];

async function open(t: Test, model: TinyModel) {
  const checkpoint = await openCheckpoint(tinyDir(model));
  t.teardown(() => checkpoint.close());
  const config = await parseModelConfig(tinyDir(model));
  const file = FILE_FORMATS.get('compressed-tensors');
  if (file === undefined) throw new Error('no such format');
  const common = { keep: [], maxShardBytes: 1e9, actOrder: false, withTables: true };
  const options = { ...common, scheme: parseScheme('int4-channel'), file };
  const plan = planJob(config, checkpoint, options);
  return {
    config,
    options,
    plan,
    calibrated: { checkpoint, config, samples, device: 'cpu' as const, requireGpu: false },
  };
}

t.test('files are never larger than the target, and hardly smaller', async (t) => {
  const { config, options, plan, calibrated } = await open(t, 'llama');
  const dir = await temporaryFolder(t);
  let count = 0;
  for (const amount of [120_000, 150_000, 151_234]) {
    const mixing = mixingOf(config, plan, options, { unit: 'bytes', amount });
    const place = { dir, fingerprint: 'job', onMatrix: () => void count++ };
    const { shards, tasks } = await planMixed(calibrated, mixing, place);
    // Formats of small matrices are some hundred bytes apart.
    t.ok(shards.totalBytes <= amount && shards.totalBytes > amount - 1000, `${shards.totalBytes}`);
    t.ok(tasks.every((task) => task.kind === 'copy' || task.choice !== undefined));
  }
  t.equal(count, 23, 'what matrices cost is measured once');
});

t.test('models with experts are refused, as nothing tells what each costs', async (t) => {
  const { config, options, plan } = await open(t, 'mixtral');
  t.throws(() => mixingOf(config, plan, options, { unit: 'bits', amount: 4 }), {
    name: 'UserError',
    message: /^--target-bits: not for models with experts/,
  });
});
