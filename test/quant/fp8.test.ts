import t from 'tap';
import { dequantize, STORED_FORMATS } from '#halflight/quant/formats.js';
import { fp8Values } from '#halflight/quant/fp8.js';

t.test('E4M3 and E5M2 have the values of their definitions', (t) => {
  const [e4m3, e5m2] = [fp8Values(3), fp8Values(2)];
  // 0, the least subnormal, 1, −1.5, the greatest finite, and −0.
  t.strictSame(
    [0, 1, 0x38, 0xbc, 0x7e, 0x80].map((code) => e4m3[code]),
    [0, 2 ** -9, 1, -1.5, 448, -0],
  );
  t.strictSame(
    [0, 1, 0x3c, 0xbe, 0x7b, 0x80].map((code) => e5m2[code]),
    [0, 2 ** -16, 1, -1.5, 57344, -0],
  );
  t.strictSame([e4m3[0x7f], e4m3[0xff], e5m2[0x7d]], [Number.NaN, Number.NaN, Number.NaN]);
  t.strictSame([e5m2[0x7c], e5m2[0xfc]], [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  t.end();
});

t.test('bytes are scaled by group', (t) => {
  const codes = new Uint32Array(2 * 8 * 5);
  codes[40] = 0xbc38;
  codes[72] = 0x38;
  const scales = new Uint32Array(Float32Array.of(9, 9, 3, 5).buffer);
  const format = STORED_FORMATS['e4m3-g128'];
  const row = dequantize({ format, rows: 2, cols: 160, codes, scales, zeros: null }).slice(160);
  t.strictSame([row[0], row[1], row[2], row[128]], [3, -4.5, 0, 5]);
  t.end();
});
