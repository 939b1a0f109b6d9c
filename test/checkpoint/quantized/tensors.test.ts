import t from 'tap';
import { checkShape, matrixShape, modulesWith } from '#halflight/checkpoint/quantized/tensors.js';
import type { TensorData } from '#halflight/checkpoint/safetensors-write.js';
import { openWritten } from './packers.js';

const tensor = (name: string): TensorData => ({ name, dtype: 'U8', shape: [2, 3], data: new Uint8Array(6) });

t.test('modules are found by a tensor, and their other tensors by name', async (t) => {
  const checkpoint = await openWritten(t, null, ['a.b.codes', 'a.b.zeros', 'codes', 'c.xcodes'].map(tensor));
  const found = modulesWith(checkpoint, 'codes');
  t.strictSame(
    found.map(({ module }) => module),
    ['a.b'],
  );
  const [tensors] = found;
  t.equal(tensors.expect('zeros', ['I8', 'U8']).name, 'a.b.zeros');
  t.equal(tensors.find('scales'), null);
  t.throws(() => tensors.expect('scales', ['U8']), {
    name: 'CheckpointError',
    message: /model\.safetensors: a\.b\.scales: missing, but a\.b\.codes needs it/,
  });
  t.throws(() => tensors.expect('zeros', ['I8', 'I32']), { message: /a\.b\.zeros: U8, must be I8 or I32/ });
  t.throws(() => checkShape(tensors.anchor, 3, 2), { message: /shape \[2, 3\], must be \[3, 2\]/ });
  t.strictSame(matrixShape(tensors.anchor), [2, 3]);
});

t.test('a matrix has two sizes above 0', async (t) => {
  const checkpoint = await openWritten(t, null, [tensor('a.codes')]);
  const [{ anchor }] = modulesWith(checkpoint, 'codes');
  for (const shape of [[2], [2, 3, 4], [0, 2], [2, 2 ** 40], []]) {
    t.throws(() => matrixShape(anchor, shape), {
      name: 'CheckpointError',
      message: /is no shape of a matrix/,
    });
  }
});
