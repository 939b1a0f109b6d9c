import t from 'tap';
import { dequantize, STORED_FORMATS } from '#halflight/quant/formats.js';
import { SUPER_WORDS, signedScale } from '#halflight/quant/super.js';
import type { PackedWeight, WeightFormat } from '#halflight/quant/weight.js';

/** f16 ½ below f16 2. */
const HALF_AND_TWO = 0x40003800;

/** Two rows of one block of 256, all codes 1, whose bytes of factors are `bytes` in the second row. */
function weightOf(format: WeightFormat, bytes: Readonly<Record<number, number>>): PackedWeight {
  const scales = new Uint32Array(2 * SUPER_WORDS);
  scales[SUPER_WORDS] = HALF_AND_TWO;
  const view = new Uint8Array(scales.buffer, 4 * (SUPER_WORDS + 1));
  for (const [i, byte] of Object.entries(bytes)) view[Number(i)] = byte;
  const lowest: Readonly<Record<number, readonly number[]>> = {
    2: [0x55555555, 0x55555555],
    3: [0x55555555, 0x55555555, 0],
    4: [0x11111111, 0x11111111, 0x11111111, 0x11111111],
  };
  const codes = Uint32Array.from(Array.from({ length: 16 }, () => lowest[format.bits]).flat());
  return { format, rows: 2, cols: 256, codes, scales, zeros: null };
}

function secondRow(weight: PackedWeight): Float32Array {
  return dequantize(weight).slice(256);
}

t.test('minimums: a factor of 32 codes, then one of what is taken away', (t) => {
  const row = secondRow(weightOf(STORED_FORMATS.q4_k, { 0: 60, 1: 3, 14: 63, 15: 1 }));
  t.strictSame([row[0], row[31], row[32], row[255]], [30 - 6, 24, 0, 31.5 - 2]);
  t.end();
});

t.test('nibbles: a factor of 16 codes, and above it one of what is taken away', (t) => {
  const row = secondRow(weightOf(STORED_FORMATS.q2_k, { 1: 0x3f }));
  t.strictSame([row[15], row[16], row[31], row[32]], [0, 7.5 - 6, 1.5, 0]);
  t.end();
});

t.test('signed factors of 16 codes around the middle one', (t) => {
  // Code 1 of 3 bits is −3.
  const row = secondRow(weightOf(STORED_FORMATS.q3_k, { 2: 0x80, 15: 0x7f }));
  t.strictSame([row[32], row[47], row[48], row[255]], [-3 * -64, 192, -0, -3 * 63.5]);
  t.end();
});

t.test('the scale of 32 codes of a table is one signed factor', (t) => {
  const weight = weightOf(STORED_FORMATS.iq4_xs, { 0: 2, 7: 0xff });
  t.strictSame(
    [8, 15, 9].map((block) => signedScale(weight, block)),
    [1, -0.5, 0],
  );
  // Code 1 of the table is −104.
  t.strictSame([secondRow(weight)[0], secondRow(weight)[255]], [-104, 52]);
  t.end();
});

t.test('scales that are not there are a mistake of the caller', (t) => {
  const weight = { ...weightOf(STORED_FORMATS.q4_k, {}), scales: null };
  t.throws(() => dequantize(weight), { name: 'RangeError' });
  t.end();
});
