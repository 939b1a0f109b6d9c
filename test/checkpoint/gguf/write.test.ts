import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readGgufHeader } from '#halflight/checkpoint/gguf/header.js';
import { type GgufMetadata, type GgufValue, layoutGguf, readBack } from '#halflight/checkpoint/gguf/write.js';

const METADATA: GgufMetadata = new Map<string, GgufValue>([
  ['general.architecture', { type: 'string', value: 'llama' }],
  ['a.count', { type: 'u32', value: 2 ** 32 - 1 }],
  ['a.factor', { type: 'f32', value: 0.1 }],
  ['a.flag', { type: 'bool', value: true }],
  ['a.types', { type: 'i32s', value: [1, -6] }],
  ['a.scores', { type: 'f32s', value: [-1e6, 0.3] }],
  ['a.tokens', { type: 'strings', value: ['é', '', '🙂'] }],
]);
const TENSORS = [
  { name: 'a', type: 'Q4_0', shape: [3, 64] },
  { name: 'b', type: 'F32', shape: [5] },
  { name: 'c', type: 'Q6_K', shape: [2, 4, 256] },
] as const;

t.test('a header is read back: values of every type, shapes, and places in the file', (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  const { header, tensors, fileBytes } = layoutGguf(file, METADATA, TENSORS);
  writeFileSync(file, Buffer.concat([header, new Uint8Array(fileBytes - header.length)]));
  const read = readGgufHeader(file);
  t.same(
    Object.fromEntries(read.metadata.keys().map((key) => [key, read.metadata.raw(key)])),
    readBack(METADATA),
  );
  t.same(
    read.tensors.map(({ name, type, shape, offset, bytes }) => ({ name, type, shape, offset, bytes })),
    tensors.map(({ tensor, position, bytes }) => ({ ...tensor, offset: position, bytes })),
  );
  t.same(
    tensors.map(({ bytes }) => bytes),
    [108, 20, 1680],
  );
  t.end();
});

t.test('a name that appears twice and rows of no whole blocks are refused', (t) => {
  const twice = [TENSORS[1], TENSORS[1]];
  t.throws(() => layoutGguf('m.gguf', METADATA, twice), {
    name: 'CheckpointError',
    message: /appears twice/,
  });
  const odd = [{ name: 'a', type: 'Q4_K', shape: [2, 288] }] as const;
  t.throws(() => layoutGguf('m.gguf', METADATA, odd), { name: 'CheckpointError', message: /blocks of 256/ });
  t.end();
});
