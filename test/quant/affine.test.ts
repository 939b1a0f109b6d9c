import t from 'tap';
import { affineReader, scaleAt, zeroAt } from '#halflight/quant/affine.js';
import { dequantizeRow, FLOAT_FORMATS, parseQuantization } from '#halflight/quant/formats.js';
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
  t.equal(zeroAt(weightOf('int8', {}), 3, 8), 128);
  t.equal(zeroAt(weightOf('int4', {}), 3, 4), 8);
  t.equal(zeroAt(weightOf('int4-asym', { zeros: Uint32Array.of(0x7654) }), 3, 4), 7);
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
