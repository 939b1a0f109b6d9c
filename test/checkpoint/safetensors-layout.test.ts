import t from 'tap';
import { bytesOf, layoutSafetensors } from '#halflight/checkpoint/safetensors-layout.js';

const BYTE = { name: 'byte', dtype: 'U8' as const, shape: [3] };
const WIDE = { name: 'wide', dtype: 'F32' as const, shape: [2] };

t.test('wide tensors come first, in whatever order they are given', (t) => {
  const layout = layoutSafetensors('f', [BYTE, WIDE], {});
  t.strictSame(layout, layoutSafetensors('f', [WIDE, BYTE], {}));
  const start = layout.header.length;
  t.strictSame(
    layout.tensors.map(({ tensor, position, bytes }) => [tensor.name, position - start, bytes]),
    [
      ['wide', 0, 8],
      ['byte', 8, 3],
    ],
  );
  t.equal(layout.fileBytes, start + 11);
  t.equal(start % 8, 0);
  t.end();
});

t.test('a name that appears twice, and half a byte, are refused', (t) => {
  t.throws(() => layoutSafetensors('f', [BYTE, BYTE], {}), {
    name: 'CheckpointError',
    message: /f: byte: appears twice/,
  });
  t.throws(() => bytesOf('f', { name: 'a', dtype: 'F4', shape: [3] }), { name: 'CheckpointError' });
  t.end();
});
