import t from 'tap';
import { dtypeBytes } from '#halflight/calibrate/job/sizes.js';

t.test('bytes of tensors together', (t) => {
  t.equal(
    dtypeBytes([
      { name: 'a', dtype: 'I32', shape: [2, 3] },
      { name: 'b', dtype: 'F16', shape: [] },
    ]),
    26,
  );
  t.end();
});
