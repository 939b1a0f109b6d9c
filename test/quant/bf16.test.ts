import t from 'tap';
import { bf16 } from '#halflight/quant/bf16.js';
import { FLOAT_FORMATS } from '#halflight/quant/formats.js';

t.test('row r starts at word 16·blocks·r, two bf16 per word, low half first', (t) => {
  const codes = new Uint32Array(2 * 16);
  codes.set([0xc0003f80, 0x7f7f0001], 16);
  const out = new Float64Array(5);
  bf16.decodeRow({ format: FLOAT_FORMATS.bf16, rows: 2, cols: 5, codes, scales: null, zeros: null }, 1, out);
  t.strictSame([...out], [...[1, -2, 2 ** -133, (2 - 2 ** -7) * 2 ** 127], 0]);
  t.end();
});
