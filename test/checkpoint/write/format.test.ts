import t from 'tap';
import { withData } from '#halflight/checkpoint/write/format.js';

t.test('tensors get their elements in order', (t) => {
  const specs = ['a', 'b'].map((name) => ({ name, dtype: 'U8' as const, shape: [1] }));
  const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)];
  t.strictSame(withData(specs, [a, b]), [
    { ...specs[0], data: a },
    { ...specs[1], data: b },
  ]);
  t.end();
});
