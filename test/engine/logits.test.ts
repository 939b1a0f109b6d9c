import t from 'tap';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { createLogitsModel, type LogitsModel } from '#halflight/engine/logits.js';
import { ENGINE_DEFAULTS } from '#halflight/engine/options.js';
import { fixture } from '../support/paths.js';

const dir = fixture('tiny/llama');

/** On the CPU reference, which the kernels are held against elsewhere: here it is about chunks and positions. */
function tinyModel(): Promise<LogitsModel> {
  return createLogitsModel({ ...ENGINE_DEFAULTS, modelDir: dir, device: 'cpu' }, () => undefined);
}

async function reference(index: number): Promise<{ ids: number[]; logits: Float32Array }> {
  const file = await openSafetensors(fixture('tiny/llama/reference.safetensors'));
  const { data } = await file.read(`input_ids_${index}`);
  const logits = await file.readF32(`logits_${index}`);
  await file.close();
  return { ids: [...new BigInt64Array(data.buffer)].map(Number), logits };
}

t.test('the logits of a prompt of several chunks are those of transformers', async (t) => {
  const { ids, logits: expected } = await reference(3);
  t.ok(ids.length > 64, 'more than one chunk');
  const model = await tinyModel();
  const logits = await model.logits(ids);
  t.equal(logits.length, ids.length * model.vocabSize);
  // The file holds those of the last positions. It was computed in f32; ours in f64.
  const last = logits.subarray(logits.length - expected.length);
  const misses = last.filter(
    (value, i) => Math.abs(value - expected[i]) > 2e-3 + 2e-3 * Math.abs(expected[i]),
  );
  t.equal(misses.length, 0);
  model.destroy();
});

t.test('a second prompt sees nothing of the first', async (t) => {
  const model = await tinyModel();
  const alone = await model.logits([5, 6, 7]);
  await model.logits([9, 8, 7, 6, 5]);
  t.strictSame(await model.logits([5, 6, 7]), alone);
  model.destroy();
});

t.test('rows from a token on are those of all logits, a chunk at a time', async (t) => {
  const model = await tinyModel();
  const ids = Array.from({ length: 80 }, (_, i) => (7 * i) % 512);
  const all = await model.logits(ids);
  for (const first of [1, 64, 70]) {
    const chunks: number[] = [];
    let offset = first * model.vocabSize;
    for await (const rows of model.rows(ids, first)) {
      t.strictSame(rows, all.subarray(offset, offset + rows.length));
      offset += rows.length;
      chunks.push(rows.length / model.vocabSize);
    }
    t.equal(offset, all.length);
    t.ok(chunks.every((count) => count <= 64));
  }
  model.destroy();
});

t.test('a prompt longer than the context is refused', async (t) => {
  const model = await tinyModel();
  const tooLong = Array.from({ length: model.maxModelLen + 1 }, () => 1);
  await t.rejects(model.logits(tooLong), /more than 512 tokens/);
  model.destroy();
});
