import t from 'tap';
import { rotate } from '#halflight/ops/rotate.js';

t.test('each dimension of the first half turns with its partner, those beyond stay', (t) => {
  const head = Float64Array.of(1, 2, 3, 4, 5);
  // By 90° and by 180°.
  rotate(head, Float64Array.of(0, -1, 1, 0), 4);
  t.strictSame([...head], [-3, -2, 1, -4, 5]);
  t.end();
});
