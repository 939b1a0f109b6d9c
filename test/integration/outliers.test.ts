import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { measureDivergence } from '#halflight/calibrate/divergence.js';
import { storeRows } from '#halflight/calibrate/stored-rows.js';
import { type LogitsSource, modelRows } from '#halflight/calibrate/windows.js';
import { runQuantize } from '#halflight/commands/quantize.js';
import { createLogitsModel } from '#halflight/engine/logits.js';
import { loadTokenizer } from '#halflight/text/tokenizer.js';
import { printed } from '../support/commands.js';
import { copyTinyModel, temporaryFolder } from '../support/models.js';
import { root } from '../support/paths.js';
import { tinyDir, tinyOptions } from '../support/tiny.js';

const TEXT = readFileSync(join(root, 'models/fable/valid_stories.txt'), 'utf8');
const ids = loadTokenizer(join(root, 'models/fable')).encode(TEXT.slice(0, 4000), {
  addSpecialTokens: false,
  parseSpecialTokens: true,
});
/** Other text than that of the calibration. */
const windows = [0, 1].map((i) => ({ tokenIds: ids.slice(64 * i, 64 * (i + 1)), firstScored: 1 }));

async function withModel<T>(
  modelDir: string,
  quantization: string | null,
  use: (source: LogitsSource) => Promise<T>,
): Promise<T> {
  const options = tinyOptions('llama', { modelDir, quantization, device: 'cpu' });
  const model = await createLogitsModel(options, () => undefined);
  try {
    return await use(modelRows(model));
  } finally {
    model.destroy();
  }
}

const reference = await withModel(tinyDir('llama'), null, (source) => storeRows(source, windows));
t.teardown(() => reference.close());

/** KL divergence of a folder from the tiny model, nats. */
function divergence(dir: string, quantization: string | null = null): Promise<number> {
  return withModel(dir, quantization, async (source) => {
    const { kl } = await measureDivergence(source, reference, windows);
    return kl.mean;
  });
}

/** The tiny Llama with 4 of 64 inputs of q, k, v, gate and up 32 times as large. */
async function outlierModel(t: Test): Promise<string> {
  const out = join(await temporaryFolder(t), 'outliers');
  const script = join(root, 'scripts/outlier-model.mjs');
  await promisify(execFile)(process.execPath, [script, await copyTinyModel(t), out]);
  return out;
}

async function losses(t: Test, model: string, scheme: string, methods: readonly string[]) {
  const text = join(model, 'calibration.txt');
  await writeFile(text, TEXT.slice(4000, 12_000));
  const losses: Record<string, number> = {};
  for (const method of methods) {
    const out = join(await temporaryFolder(t), 'out');
    const calibration =
      method === 'rtn'
        ? []
        : ['--calibration', text, '--calibration-length', '64', '--calibration-samples', '3'];
    const args = [model, out, '--scheme', scheme, '--method', method, '--device', 'cpu', '--json'];
    await printed(t, () => runQuantize([...args, ...calibration]));
    losses[method] = await divergence(out, scheme === 'w8a8' ? 'w8a8' : null);
  }
  return losses;
}

t.test('outliers that are made leave the model as it is, to the bit', async (t) => {
  t.equal(await divergence(await outlierModel(t)), 0);
});

/** The share of the loss of rounding to nearest that is at least recovered, well below what is seen. */
const LEAST = 0.2;

for (const scheme of ['int4-g32', 'int3-g32']) {
  t.test(`AWQ recovers much of what rounding to nearest loses with outliers: ${scheme}`, async (t) => {
    t.capture(process.stderr, 'write', () => true);
    const { rtn, awq } = await losses(t, await outlierModel(t), scheme, ['rtn', 'awq']);
    t.ok(awq < (1 - LEAST) * rtn, `${awq} of ${rtn}`);
  });
}

t.test('SmoothQuant makes 8-bit activations with outliers easy to round', async (t) => {
  t.capture(process.stderr, 'write', () => true);
  const { rtn, smoothquant } = await losses(t, await outlierModel(t), 'w8a8', ['rtn', 'smoothquant']);
  t.ok(smoothquant < (1 - LEAST) * rtn, `${smoothquant} of ${rtn}`);
});
