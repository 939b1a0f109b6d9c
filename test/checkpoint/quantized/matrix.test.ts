import t from 'tap';
import { storedName } from '#halflight/checkpoint/quantized/matrix.js';

t.test('a name tells the bits and what shares a scale', (t) => {
  t.equal(storedName('GPTQ', 4, 128), 'GPTQ 4-bit g128');
  t.equal(storedName('GPTQ', 3, null), 'GPTQ 3-bit');
  t.end();
});
