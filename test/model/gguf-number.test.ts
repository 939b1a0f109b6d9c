import t from 'tap';
import { plainNumber, shortest } from '#halflight/model/gguf-number.js';

t.test('an f32 is told by the shortest number that rounds to it', (t) => {
  for (const value of [1e-5, 1e-6, 0.1, 123456.7, 1]) t.equal(shortest(Math.fround(value)), value);
  t.equal(shortest(Math.fround(1 / 3)), 0.33333334);
  t.end();
});

t.test('whole numbers and values of other types stay', (t) => {
  for (const value of [131_072, 16_777_217, 0, 'x', true, null]) t.equal(plainNumber(value), value);
  t.end();
});
