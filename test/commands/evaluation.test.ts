import t from 'tap';
import { measureDivergence } from '#halflight/calibrate/divergence.js';
import { measurePerplexity } from '#halflight/calibrate/perplexity.js';
import { forWindows, positionsOf, Reference, withModel } from '#halflight/commands/evaluation.js';
import type { Progress } from '#halflight/commands/progress.js';
import { UserError } from '#halflight/errors.js';
import { tinyDir, tinyOptions } from '../support/tiny.js';

const windows = [
  [1, 2, 3, 4, 5],
  [9, 8, 7],
].map((tokenIds) => ({ tokenIds, firstScored: 2 }));
const options = forWindows(tinyOptions('llama', { device: 'cpu', maxModelLen: null }), windows);
const int8 = { ...options, quantization: 'int8' };

function silent() {
  const stages: string[] = [];
  return { stages, update: ({ stage }: Progress) => stages.push(stage), stop: () => undefined };
}

t.test('a model that reads windows alone is as long as the longest of them, or as was asked for', (t) => {
  t.equal(options.maxModelLen, 5);
  t.equal(forWindows({ ...options, maxModelLen: 9 }, windows).maxModelLen, 9);
  t.end();
});

t.test('a model’s positions are its own, or as many as are asked for', async (t) => {
  const dir = tinyDir('llama');
  t.equal(await positionsOf(dir, { 'max-model-len': null }), 512);
  t.equal(await positionsOf(dir, { 'max-model-len': 40 }), 40);
  t.equal(await positionsOf(dir, { 'max-model-len': 4000 }), 512);
});

t.test('a reference in a file gives what the model beside it gave', async (t) => {
  const display = silent();
  const reference = await Reference.load(options, windows, display);
  const measure = () =>
    reference.with(int8, (source) => measureDivergence(source, reference.source, windows));
  const beside = await measure();
  await reference.store();
  t.ok(display.stages.includes('windows'), 'storing is shown');
  t.strictSame(await measure(), beside);
  t.ok(beside.kl.mean > 0);
  const alone = await withModel(options, display, (source) => measurePerplexity(source, windows));
  t.strictSame(alone, beside.reference);
  await reference.close();
  t.throws(() => reference.source, /closed/);
});

t.test(
  'a model that does not fit beside the reference makes it go to a file, and fails where it does not fit alone',
  async (t) => {
    const display = silent();
    const reference = await Reference.load(options, windows, display);
    t.teardown(() => reference.close());
    const tooLarge = { ...options, kvCacheMemoryBytes: 1 };
    await t.rejects(
      reference.with(tooLarge, async () => t.fail('loaded')),
      UserError,
    );
    t.ok(display.stages.includes('windows'), 'it was stored');
    const result = await measurePerplexity(reference.source, windows);
    t.equal(result.numScored, 4);
  },
);
