import t from 'tap';
import { dequantize, dequantizeRow, type FloatType } from '#halflight/quant/formats.js';
import { packFloat, padRows } from '#halflight/quant/pack.js';

t.test('f16 and bf16 lie two per word, low half first, and rows are padded with zeros to 32 codes', (t) => {
  const weight = packFloat(Uint16Array.of(0x3c00, 0x4000, 0x4200, 0xbc00, 0xc000, 0x0001), 'f16', 2, 3);
  t.equal(weight.codes.length, 32);
  t.strictSame([...weight.codes.subarray(0, 3)], [0x40003c00, 0x00004200, 0]);
  t.strictSame([...weight.codes.subarray(16, 19)], [0xc000bc00, 0x00000001, 0]);
  t.strictSame([...dequantize(weight)], [1, 2, 3, -1, -2, 2 ** -24]);
  t.equal(weight.scales, null);
  t.equal(weight.zeros, null);
  t.end();
});

t.test('f32 lies one per word with its bits unchanged, even those of a NaN', (t) => {
  const bits = Uint32Array.of(0x7fa00001, 0x00000001, 0x80000000);
  const weight = packFloat(new Float32Array(bits.buffer), 'f32', 1, 3);
  t.equal(weight.codes.length, 32);
  t.strictSame([...weight.codes.subarray(0, 4)], [0x7fa00001, 1, 0x80000000, 0]);
  t.end();
});

t.test('bf16 decodes to its upper bits, in any row', (t) => {
  const halves = Uint16Array.from({ length: 3 * 33 }, (_, i) => 0x3f80 + i);
  const weight = packFloat(halves, 'bf16', 3, 33);
  t.equal(weight.codes.length, 3 * 2 * 16);
  const row = new Float64Array(33);
  dequantizeRow(weight, 2, row);
  const expected = new Float32Array(Uint32Array.from(halves.subarray(66), (half) => half << 16).buffer);
  t.strictSame([...row], [...expected]);
  t.end();
});

t.test('bytes at an odd address are packed like any other', (t) => {
  const bytes = new Uint8Array(1 + 64);
  bytes.set([0x80, 0x3f], 1);
  const weight = packFloat(bytes.subarray(1), 'bf16', 1, 32);
  t.equal(weight.codes[0], 0x3f80);
  t.end();
});

t.test('rows that need no padding share the memory of the tensor', (t) => {
  const values = new Float32Array(64).fill(2);
  t.equal(packFloat(values, 'f32', 2, 32).codes.buffer, values.buffer);
  t.end();
});

t.test('bytes that are not the matrix are refused', (t) => {
  for (const type of ['f32', 'f16', 'bf16'] satisfies FloatType[]) {
    t.throws(() => packFloat(new Uint8Array(7), type, 2, 3), { name: 'RangeError', message: /7 bytes/ });
  }
  t.end();
});

t.test('rows are padded with zeros, and share their memory where they need none', (t) => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  t.equal(padRows(bytes, 2, 4), bytes);
  t.strictSame([...padRows(bytes.subarray(2), 2, 4)], [3, 4, 5, 0, 6, 7, 8, 0]);
  t.strictSame(padRows(bytes.subarray(2, 6), 1, 4).byteOffset, 0);
  t.end();
});
