import t from 'tap';
import { dequantize, STORED_FORMATS } from '#halflight/quant/formats.js';

t.test('a scale and what is added share a word, the scale in its low half', (t) => {
  // Rows of two blocks; f16 ½ and −2, then 1 and 0.
  const weight = {
    format: STORED_FORMATS.q4_1,
    rows: 1,
    cols: 64,
    codes: Uint32Array.of(0xf3, 0, 0, 0, 0, 0, 0, 0x90000000),
    scales: Uint32Array.of(0xc0003800, 0x3c00),
    zeros: null,
  };
  const values = dequantize(weight);
  t.strictSame([values[0], values[1], values[31], values[32], values[63]], [-0.5, 5.5, -2, 0, 9]);
  t.end();
});

t.test('the fifth bits of five-bit codes lie behind the others', (t) => {
  const codes = Uint32Array.of(0x1, 0, 0, 0, 0x80000001);
  const weight = {
    format: STORED_FORMATS.q5_1,
    rows: 1,
    cols: 32,
    codes,
    scales: Uint32Array.of(0x3c00),
    zeros: null,
  };
  const values = dequantize(weight);
  t.strictSame([values[0], values[1], values[31]], [17, 0, 16]);
  t.end();
});
