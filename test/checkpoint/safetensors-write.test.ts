import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { type TensorData, writeSafetensors } from '#halflight/checkpoint/safetensors-write.js';
import { safetensorsBytes } from './support.js';

const b: TensorData = { name: 'b', dtype: 'BF16', shape: [1, 2], data: Uint16Array.of(0x3f80, 0x4000) };
const a: TensorData = { name: 'a', dtype: 'F32', shape: [1], data: Float32Array.of(1) };
const ids: TensorData = { name: '10', dtype: 'I64', shape: [1], data: BigInt64Array.of(-2n) };

t.test('the bytes are those of the format, wider types first, header padded to 8', async (t) => {
  const file = join(t.testdir({}), 'out.safetensors');
  await writeSafetensors(file, [b, a], { z: '1', format: 'pt' });
  const header =
    '{"__metadata__":{"format":"pt","z":"1"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[1,2],"data_offsets":[4,8]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  t.strictSame(
    new Uint8Array(await readFile(file)),
    safetensorsBytes(padded, [0, 0, 0x80, 0x3f, 0x80, 0x3f, 0, 0x40]),
  );
});

t.test(
  'the order in which tensors are given does not matter, and what is written is read back',
  async (t) => {
    const dir = t.testdir({});
    await writeSafetensors(join(dir, '1.safetensors'), [a, b, ids]);
    await writeSafetensors(join(dir, '2.safetensors'), [ids, b, a], {});
    t.strictSame(await readFile(join(dir, '1.safetensors')), await readFile(join(dir, '2.safetensors')));
    const checkpoint = await openSafetensors(join(dir, '1.safetensors'));
    t.teardown(() => checkpoint.close());
    t.strictSame(await checkpoint.readF32('b'), Float32Array.of(1, 2));
    t.strictSame(new BigInt64Array((await checkpoint.read('10')).data.buffer), BigInt64Array.of(-2n));
  },
);

t.test('a tensor that contradicts its shape or repeats a name writes no file', async (t) => {
  const dir = t.testdir({});
  const file = join(dir, 'out.safetensors');
  const short: TensorData = { name: 'w', dtype: 'F32', shape: [2], data: Float32Array.of(1) };
  await t.rejects(writeSafetensors(file, [short]), {
    name: 'CheckpointError',
    message: /w: 4 bytes given for F32 \[2\]/,
  });
  await t.rejects(writeSafetensors(file, [a, a]), { name: 'CheckpointError', message: /a: appears twice/ });
  t.strictSame(await readdir(dir), []);
});
