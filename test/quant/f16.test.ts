import t from 'tap';
import { f16 } from '#halflight/quant/f16.js';
import { FLOAT_FORMATS } from '#halflight/quant/formats.js';

t.test('row r starts at word 16·blocks·r, two f16 per word, low half first', (t) => {
  const codes = new Uint32Array(2 * 16);
  codes.set([0xc0003c00, 0x7bff0001], 16);
  const out = new Float64Array(5);
  f16.decodeRow({ format: FLOAT_FORMATS.f16, rows: 2, cols: 5, codes, scales: null, zeros: null }, 1, out);
  t.strictSame([...out], [...[1, -2, 2 ** -24, 65504], 0]);
  t.end();
});
