import { join } from 'node:path';
import t from 'tap';
import { checkModelDirectory, findWeights } from '#halflight/checkpoint/directory.js';

const INDEX = 'model.safetensors.index.json';
const index = (map: unknown) => ({
  [INDEX]: JSON.stringify({ metadata: { total_size: 1 }, weight_map: map }),
});

t.test('model.safetensors wins, then the index, then the only safetensors file', async (t) => {
  const both = t.testdir({ 'model.safetensors': '', ...index({ a: 'model-1.safetensors' }) });
  t.strictSame(await findWeights(both), { files: [join(both, 'model.safetensors')], index: null });
  const sharded = t.testdir(index({ a: 's2.safetensors', b: 's1.safetensors', c: 's2.safetensors' }));
  const found = await findWeights(sharded);
  t.strictSame(found.files, [join(sharded, 's1.safetensors'), join(sharded, 's2.safetensors')]);
  t.equal(found.index?.tensors.get('c'), join(sharded, 's2.safetensors'));
  const single = t.testdir({ 'weights.safetensors': '' });
  t.strictSame((await findWeights(single)).files, [join(single, 'weights.safetensors')]);
});

t.test('several files without an index are not guessed at', async (t) => {
  const dir = t.testdir({ 'a.safetensors': '', 'b.safetensors': '' });
  await t.rejects(findWeights(dir), {
    name: 'CheckpointError',
    message: /index\.json: missing, and which of a\.saf/,
  });
});

t.test('a shard outside the directory is refused', async (t) => {
  for (const name of ['../x.safetensors', '/etc/x.safetensors', 'a\\b.safetensors', 'x.bin', '', 3, null]) {
    await t.rejects(findWeights(t.testdir(index({ w: name }))), {
      name: 'CheckpointError',
      message: /weight_map\.w/,
    });
  }
  await t.rejects(findWeights(t.testdir(index(null))), { name: 'CheckpointError', message: /weight_map/ });
});

t.test('a directory that cannot be served says what is missing and what is needed', async (t) => {
  const empty = t.testdir({});
  await t.rejects(checkModelDirectory(empty), {
    name: 'CheckpointError',
    message:
      /: config\.json, tokenizer\.json, \*\.safetensors: missing\. A model directory holds config\.json, tok/,
  });
  await t.rejects(findWeights(empty), {
    name: 'CheckpointError',
    message: /missing\. A model directory holds/,
  });
  const gguf = t.testdir({ 'config.json': '', 'tokenizer.json': '', 'model.gguf': '' });
  await t.rejects(checkModelDirectory(gguf), {
    message: /: \*\.safetensors: missing.*Found model\.gguf: name the file itself/,
  });
  const complete = t.testdir({ 'config.json': '', 'tokenizer.json': '', 'model.safetensors': '' });
  await t.resolves(checkModelDirectory(complete));
  await t.rejects(checkModelDirectory(join(empty, 'nowhere')), {
    name: 'CheckpointError',
    message: /no such file/,
  });
});
