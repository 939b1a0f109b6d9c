import t from 'tap';
import { roundToEven } from '#halflight/ops/round.js';

t.test('the nearest integer is taken, of two the even one', (t) => {
  const values = [0.4, 0.5, 0.6, 1.5, 2.5, -0.6, -1.5, -2.5, 7];
  t.strictSame(values.map(roundToEven), [0, 0, 1, 2, 2, -1, -2, -2, 7]);
  t.end();
});
