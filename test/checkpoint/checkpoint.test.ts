import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint, openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { CheckpointError } from '#halflight/errors.js';
import { fixture, root } from '../support/paths.js';
import { mutate, quickestMs, safetensorsBytes, seededIntegers } from './support.js';

const FOUR =
  '{"f":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"h":{"dtype":"F16","shape":[2],"data_offsets":[4,8]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]},"i":{"dtype":"I8","shape":[2],"data_offsets":[10,12]}}';
const DATA = [0, 0, 0x20, 0xc1, 0x00, 0x3c, 0x00, 0xc0, 0x80, 0x3f, 5, 6];

t.test('tensors are read by name, wherever they start, and widened to f32', async (t) => {
  const dir = t.testdir({});
  await writeFile(join(dir, 'model.safetensors'), safetensorsBytes(FOUR, DATA));
  const checkpoint = await openCheckpoint(dir);
  t.teardown(() => checkpoint.close());
  t.strictSame([...checkpoint.tensors.keys()], ['f', 'h', 'b', 'i']);
  t.strictSame(await checkpoint.readF32('f'), Float32Array.of(-10));
  t.strictSame(await checkpoint.readF32('h'), Float32Array.of(1, -2));
  t.strictSame(await checkpoint.readF32('b'), Float32Array.of(1));
  const raw = await checkpoint.read('i');
  t.strictSame(raw.data, Uint8Array.of(5, 6));
  t.equal(raw.info.dtype, 'I8');
  await t.rejects(checkpoint.readF32('i'), {
    name: 'CheckpointError',
    message: /i: I8, but F32, F16 or BF16/,
  });
  await t.rejects(checkpoint.read('nothing'), {
    name: 'CheckpointError',
    message: /nothing: no such tensor/,
  });
});

t.test('rows of a tensor are read without the others', async (t) => {
  const header = '{"m":{"dtype":"F16","shape":[3,2],"data_offsets":[0,12]}}';
  const dir = t.testdir({});
  await writeFile(
    join(dir, 'model.safetensors'),
    safetensorsBytes(header, [0, 0x3c, 0, 0x40, 0, 0x42, 0, 0x44, 0, 0x45, 0, 0x46]),
  );
  const checkpoint = await openCheckpoint(dir);
  t.teardown(() => checkpoint.close());
  t.strictSame(await checkpoint.readF32('m', { start: 1, count: 2 }), Float32Array.of(3, 4, 5, 6));
  t.strictSame((await checkpoint.read('m', { start: 2, count: 1 })).data, Uint8Array.of(0, 0x45, 0, 0x46));
});

t.test('a sharded checkpoint reads each tensor from the file that the index names', async (t) => {
  const one = (value: number) =>
    safetensorsBytes('{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', [value]);
  const index = (map: unknown) => JSON.stringify({ weight_map: map });
  const dir = t.testdir({ 'model.safetensors.index.json': index({ w: 'b.safetensors' }) });
  await writeFile(join(dir, 'b.safetensors'), one(2));
  const checkpoint = await openCheckpoint(dir);
  t.strictSame((await checkpoint.read('w')).data, Uint8Array.of(2));
  await checkpoint.close();
  await writeFile(
    join(dir, 'model.safetensors.index.json'),
    index({ w: 'b.safetensors', v: 'b.safetensors' }),
  );
  await t.rejects(openCheckpoint(dir), {
    name: 'CheckpointError',
    message: /weight_map\.v: not in .*b\.safetensors/,
  });
  await writeFile(join(dir, 'model.safetensors.index.json'), index({ w: 'c.safetensors' }));
  await t.rejects(openCheckpoint(dir), {
    name: 'CheckpointError',
    message: /c\.safetensors: file: no such file/,
  });
});

t.test('a file that shrinks after it was opened is noticed', async (t) => {
  const file = join(t.testdir({}), 'm.safetensors');
  await writeFile(file, safetensorsBytes(FOUR, DATA));
  const checkpoint = await openSafetensors(file);
  t.teardown(() => checkpoint.close());
  await truncate(file, 100);
  await t.rejects(checkpoint.read('i'), { name: 'CheckpointError', message: /the file ends early/ });
});

t.test('what is no file is refused', async (t) => {
  const dir = t.testdir({ 'model.safetensors': {} });
  await t.rejects(openCheckpoint(dir), { name: 'CheckpointError' });
  await t.rejects(openSafetensors(join(dir, 'absent')), { name: 'CheckpointError', message: /no such file/ });
  const empty = t.testdir({ 'model.safetensors': '' });
  await t.rejects(openCheckpoint(empty), { name: 'CheckpointError', message: /a file of 0 bytes/ });
});

t.test('the tiny models and the bundled one open, and their tensors are finite', async (t) => {
  const dirs = ['llama', 'mistral', 'qwen2', 'qwen3'].map((name) => fixture(`tiny/${name}`));
  for (const dir of [...dirs, join(root, 'models/fable')]) {
    const checkpoint = await openCheckpoint(dir);
    const norm = await checkpoint.readF32('model.norm.weight');
    t.equal(norm.length, checkpoint.tensors.get('model.norm.weight')?.shape[0]);
    t.ok(norm.every(Number.isFinite), dir);
    await checkpoint.close();
  }
  const reference = await openSafetensors(fixture('tiny/llama/reference.safetensors'));
  t.strictSame(reference.tensors.get('logits_2')?.shape, [33, 2048]);
  t.equal((await reference.readF32('logits_2')).length, 33 * 2048);
  await reference.close();
});

/** Opens a file and reads every tensor of it. */
async function readAll(file: string): Promise<void> {
  const checkpoint = await openSafetensors(file);
  try {
    for (const name of checkpoint.tensors.keys()) await checkpoint.read(name);
  } finally {
    await checkpoint.close();
  }
}

t.test('1,000 damaged files load or fail with CheckpointError, each in less than 100 ms', async (t) => {
  const intact = safetensorsBytes(FOUR, DATA);
  const file = join(t.testdir({}), 'm.safetensors');
  const integer = seededIntegers(1);
  let refused = 0;
  for (let i = 0; i < 1000; i++) {
    await writeFile(file, mutate(intact, integer));
    const elapsedMs = await quickestMs(
      () => readAll(file),
      (error) => {
        if (!(error instanceof CheckpointError)) t.fail(`mutation ${i}`, { error });
        refused++;
      },
    );
    if (elapsedMs >= 100) t.fail(`mutation ${i} took ${elapsedMs} ms`);
  }
  t.ok(
    refused > 500 && refused < 1000,
    `${refused} of 1,000 refused: the rest damaged data or nothing that matters`,
  );
});
