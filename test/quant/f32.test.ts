import t from 'tap';
import { f32 } from '#halflight/quant/f32.js';
import { FLOAT_FORMATS } from '#halflight/quant/formats.js';

t.test('row r starts at word 32·blocks·r, one f32 per word', (t) => {
  const codes = new Uint32Array(2 * 64);
  codes.set([0x3f800000, 0xc0000000], 64);
  codes[64 + 32] = 0x7f7fffff;
  const out = new Float64Array(33);
  f32.decodeRow({ format: FLOAT_FORMATS.f32, rows: 2, cols: 33, codes, scales: null, zeros: null }, 1, out);
  t.strictSame([out[0], out[1], out[2], out[32]], [1, -2, 0, (2 - 2 ** -23) * 2 ** 127]);
  t.end();
});
