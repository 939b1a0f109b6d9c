import t from 'tap';
import { rowBytes } from '#halflight/bench/kernel-case.js';

t.test('the bytes of a row leave its padding out', async (t) => {
  t.equal(rowBytes({ cols: 33, type: 'f32' }), 132);
  t.equal(rowBytes({ cols: 33, type: 'f16' }), 66);
});
