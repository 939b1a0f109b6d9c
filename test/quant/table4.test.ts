import t from 'tap';
import { dequantize, STORED_FORMATS } from '#halflight/quant/formats.js';
import type { PackedWeight } from '#halflight/quant/weight.js';

const codes = new Uint32Array(2 * 3 * 4);
// Row 1: codes 15, 0 and 7 in its first block, 15 in its last.
codes[12] = 0x70f;
codes[20] = 0xf;

t.test('a code is looked up and scaled, a group of 64 by one f32', (t) => {
  const scales = new Uint32Array(Float32Array.of(9, 9, 0.5, 3).buffer);
  const weight: PackedWeight = {
    format: STORED_FORMATS['nf4-g64'],
    rows: 2,
    cols: 70,
    codes,
    scales,
    zeros: null,
  };
  const row = dequantize(weight).slice(70);
  t.strictSame([row[0], row[1], row[2], row[64]], [0.5, -0.5, 0, 3]);
  t.end();
});

t.test('a byte e is the power of two e − 128, for 32 codes', (t) => {
  const bytes = Uint8Array.of(0, 0, 0, 129, 0, 128, 0, 0);
  const scales = new Uint32Array(bytes.buffer);
  const weight: PackedWeight = {
    format: STORED_FORMATS.mxfp4,
    rows: 2,
    cols: 96,
    codes,
    scales,
    zeros: null,
  };
  const row = dequantize(weight).slice(96);
  t.strictSame([row[0], row[1], row[2], row[64]], [-24, 0, 24, -12]);
  t.end();
});

t.test('codes without a table are a mistake of the caller', (t) => {
  const format = { ...STORED_FORMATS.iq4_nl, table: undefined };
  const weight = { format, rows: 2, cols: 96, codes, scales: new Uint32Array(3), zeros: null };
  t.throws(() => dequantize(weight), { name: 'RangeError', message: 'codes without a table' });
  t.end();
});
