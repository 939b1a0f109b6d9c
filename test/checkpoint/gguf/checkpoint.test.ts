import { readFileSync } from 'node:fs';
import t from 'tap';
import { openGguf } from '#halflight/checkpoint/gguf/checkpoint.js';
import { GGUF_TYPES, isBlockType } from '#halflight/checkpoint/gguf/types.js';
import { CheckpointError } from '#halflight/errors.js';
import { dequantize } from '#halflight/quant/formats.js';
import { fixture } from '../../support/paths.js';

const [ROWS, COLS] = [4, 256];
const bytes = readFileSync(fixture('gguf/blocks.f32'));
const expected = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const checkpoint = await openGguf(fixture('gguf/blocks.gguf'));
t.teardown(() => checkpoint.close());

/** The fixture holds a matrix of every type, in this order. */
Object.keys(GGUF_TYPES).forEach((type, i) => {
  const name = `${type}.weight`;
  const values = expected.subarray(i * ROWS * COLS, (i + 1) * ROWS * COLS);

  t.test(`${type} has the weights of the format's own library, bit by bit`, async (t) => {
    t.same(bitsOf(await checkpoint.readF32(name)), bitsOf(values));
  });

  t.test(`${type} is held on the device with the same weights`, async (t) => {
    const packed = await checkpoint.stored(name);
    if (!isBlockType(type)) return t.equal(packed, null);
    if (packed === null) throw new Error('not packed');
    t.same([packed.rows, packed.cols], [ROWS, COLS]);
    t.same(packed.format, checkpoint.tensors.get(name)?.format);
    t.same(bitsOf(dequantize(packed)), bitsOf(values));
    const last = await checkpoint.stored(name, { start: ROWS - 1, count: 1 });
    t.same(last && bitsOf(dequantize(last)), bitsOf(values.subarray((ROWS - 1) * COLS)));
  });
});

t.test('a tensor that is not there is refused by name', async (t) => {
  await t.rejects(checkpoint.read('x.weight'), CheckpointError);
  await t.rejects(checkpoint.read('x.weight'), { message: /blocks\.gguf: x\.weight: no such tensor/ });
  t.equal(await checkpoint.stored('x.weight'), null);
});

/** The sign of a zero does not count: integer codes know one zero only. */
function bitsOf(values: Float32Array): number[] {
  return Array.from(new Uint32Array(values.map((value) => value + 0).buffer));
}
