import t from 'tap';
import { affineReader, scaleAt, zeroAt } from '#halflight/quant/affine.js';
import { dequantizeRow, FLOAT_FORMATS, parseQuantization, STORED_FORMATS } from '#halflight/quant/formats.js';
import type { PackedWeight } from '#halflight/quant/weight.js';

function weightOf(name: string, more: Partial<PackedWeight>): PackedWeight {
  const format = parseQuantization(name);
  return { format, rows: 1, cols: 32, codes: new Uint32Array(8), scales: null, zeros: null, ...more };
}

t.test('a scale per group and a stored zero point decode by hand', (t) => {
  const weight: PackedWeight = {
    format: parseQuantization('int4-g32-asym'),
    rows: 1,
    cols: 34,
    codes: Uint32Array.of(0x76543210, 0, 0, 0, 0xf3, 0, 0, 0),
    // 2 and -0.5
    scales: Uint32Array.of(0xb8004000),
    zeros: Uint32Array.of(0x31),
  };
  const out = new Float64Array(34);
  dequantizeRow(weight, 0, out);
  t.strictSame([...out.subarray(0, 9)], [-2, 0, 2, 4, 6, 8, 10, 12, -2]);
  t.strictSame([...out.subarray(32)], [-0, -6]);
  t.end();
});

t.test('scales are read in the format’s type, also from within a larger buffer', (t) => {
  const f32 = new Float32Array([9, 0.1, -3]);
  const scales = new Uint32Array(f32.buffer, 4, 2);
  const int8 = weightOf('int8', { scales });
  t.equal(int8.format.scaleType, 'f32');
  t.strictSame([scaleAt(int8, 0), scaleAt(int8, 1)], [Math.fround(0.1), -3]);
  const int4 = weightOf('int4', { scales: Uint32Array.of(0x40003c00, 0xc200) });
  t.strictSame(
    [0, 1, 2].map((index) => scaleAt(int4, index)),
    [1, 2, -3],
  );
  t.end();
});

t.test('a format without scales has none to ask for', (t) => {
  const weight = { ...weightOf('int8', {}), format: FLOAT_FORMATS.bf16 };
  t.throws(() => scaleAt(weight, 0), { name: 'RangeError', message: /bf16 weights have no scales/ });
  t.end();
});

t.test('the zero point is the middle of the codes where none is stored', (t) => {
  t.equal(zeroAt(weightOf('int8', {}), 3), 128);
  t.equal(zeroAt(weightOf('int4', {}), 3), 8);
  t.equal(zeroAt(weightOf('int4-asym', { zeros: Uint32Array.of(0x7654) }), 3), 7);
  t.end();
});

t.test('one scale serves a whole row, whatever its length', (t) => {
  const cols = 70;
  const codes = new Uint32Array(2 * 3 * 8).fill(0x80818283);
  const scales = new Uint32Array(Float32Array.of(1, 0.5).buffer);
  const out = new Float64Array(cols);
  affineReader(8).decodeRow(weightOf('int8', { rows: 2, cols, codes, scales }), 1, out);
  t.strictSame([...out.subarray(0, 5)], [1.5, 1, 0.5, 0, 1.5]);
  t.equal(out[69], 1);
  t.end();
});

t.test('eight codes per word, low nibble first, code 8 is zero, f16 scales over the flat index', (t) => {
  const codes = new Uint32Array(3 * 4);
  codes.set([0xfedcba98], 8);
  // rows 0 and 1 share the first word of scales; row 2 has scale 3
  const scales = Uint32Array.of(0x3c003c00, 0x00004200);
  const out = new Float64Array(9);
  affineReader(4).decodeRow(
    { format: parseQuantization('int4'), rows: 3, cols: 9, codes, scales, zeros: null },
    2,
    out,
  );
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
    affineReader(4).decodeRow(weight, row, out);
    return out[0];
  });
  t.strictSame(decoded, [3, 2, 1, 0, -1, -2, -3, -4, -12]);
  t.end();
});

t.test('four codes per word, low byte first, code 128 is zero, one f32 scale per row', (t) => {
  const codes = new Uint32Array(2 * 8);
  codes.set([0xff800081], 8);
  // 7 and -0.25
  const scales = Uint32Array.of(0x40e00000, 0xbe800000);
  const out = new Float64Array(4);
  const format = parseQuantization('int8');
  affineReader(8).decodeRow({ format, rows: 2, cols: 4, codes, scales, zeros: null }, 1, out);
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
  affineReader(8).decodeRow(weight, 0, out);
  t.strictSame([out[0], out[127], out[128], out[129]], [1, 1, 0.5, 0.5]);
  t.end();
});

t.test('zero points of 3 and 5 bits are held in 4 and 8, those of 2 bits in 2', (t) => {
  const zero = (bits: 2 | 3 | 5, zeros: number, index: number) =>
    zeroAt(
      weightOf('int4', {
        format: { reader: `int${bits}`, bits, groupSize: 32, scaleType: 'f16', zeroPoints: true },
        zeros: Uint32Array.of(zeros),
      }),
      index,
    );
  t.strictSame([zero(2, 0b1101, 1), zero(3, 0x75, 1), zero(5, 0x1f02, 1)], [3, 7, 31]);
  t.end();
});

t.test(
  'a byte is a power of two where the format says so, and formats with two scales have no single one',
  (t) => {
    const weight = weightOf('int4', { format: STORED_FORMATS.mxfp4, scales: Uint32Array.of(0xff007f80) });
    t.strictSame(
      [0, 1, 2, 3].map((index) => scaleAt(weight, index)),
      [1, 0.5, 2 ** -128, 2 ** 127],
    );
    const pair = weightOf('int4', { format: STORED_FORMATS.q4_1, scales: new Uint32Array(1) });
    t.throws(() => scaleAt(pair, 0), { name: 'RangeError', message: /no single scale/ });
    t.end();
  },
);
