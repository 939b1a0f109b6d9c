import t from 'tap';
import { parseQuantization } from '#halflight/quant/formats.js';
import { int4 } from '#halflight/quant/int4.js';

t.test('eight codes per word, low nibble first, code 8 is zero, f16 scales over the flat index', (t) => {
  const codes = new Uint32Array(3 * 4);
  codes.set([0xfedcba98], 8);
  // rows 0 and 1 share the first word of scales; row 2 has scale 3
  const scales = Uint32Array.of(0x3c003c00, 0x00004200);
  const out = new Float64Array(9);
  int4.decodeRow({ format: parseQuantization('int4'), rows: 3, cols: 9, codes, scales, zeros: null }, 2, out);
  t.strictSame([...out], [0, 3, 6, 9, 12, 15, 18, 21, -24]);
  t.end();
});

t.test('zero points are nibbles over the flat index', (t) => {
  const codes = new Uint32Array(9 * 4).fill(0x33333333);
  const scales = new Uint32Array(5).fill(0x3c003c00);
  // rows 0 to 7 in the first word, row 8 in the second
  const zeros = Uint32Array.of(0x76543210, 0x0000000f);
  const weight = { format: parseQuantization('int4-asym'), rows: 9, cols: 1, codes, scales, zeros };
  const decoded = Array.from({ length: 9 }, (_, row) => {
    const out = new Float64Array(1);
    int4.decodeRow(weight, row, out);
    return out[0];
  });
  t.strictSame(decoded, [3, 2, 1, 0, -1, -2, -3, -4, -12]);
  t.end();
});
