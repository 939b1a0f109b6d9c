import t from 'tap';
import { parseQuantization } from '#halflight/quant/formats.js';
import { int8 } from '#halflight/quant/int8.js';

t.test('four codes per word, low byte first, code 128 is zero, one f32 scale per row', (t) => {
  const codes = new Uint32Array(2 * 8);
  codes.set([0xff800081], 8);
  // 7 and -0.25
  const scales = Uint32Array.of(0x40e00000, 0xbe800000);
  const out = new Float64Array(4);
  const format = parseQuantization('int8');
  int8.decodeRow({ format, rows: 2, cols: 4, codes, scales, zeros: null }, 1, out);
  t.strictSame([...out], [-0.25, 32, -0, -31.75]);
  t.end();
});

t.test('groups of 128 take their f16 scales from halves of a word', (t) => {
  const codes = new Uint32Array(5 * 8).fill(0x81818181);
  // 1 and 0.5; the second group is short
  const weight = {
    format: parseQuantization('int8-g128'),
    rows: 1,
    cols: 130,
    codes,
    scales: Uint32Array.of(0x38003c00),
    zeros: null,
  };
  const out = new Float64Array(130);
  int8.decodeRow(weight, 0, out);
  t.strictSame([out[0], out[127], out[128], out[129]], [1, 1, 0.5, 0.5]);
  t.end();
});
