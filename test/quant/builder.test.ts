import t from 'tap';
import { scaleAt, zeroAt } from '#halflight/quant/affine.js';
import { allocate, packRow, rowCodes, storeScale, storeZero } from '#halflight/quant/builder.js';
import { parseQuantization, STORED_FORMATS } from '#halflight/quant/formats.js';
import { getCode } from '#halflight/quant/planes.js';
import type { WeightFormat } from '#halflight/quant/weight.js';
import { Random } from '../support/random.js';

const FORMATS: readonly WeightFormat[] = [
  parseQuantization('int8'),
  parseQuantization('int4-g64-asym'),
  parseQuantization('int3-g32-asym'),
  STORED_FORMATS['nf4-g64'],
  STORED_FORMATS.mxfp4,
];

t.test('codes, scales and zero points are read back as they were stored', (t) => {
  const random = new Random(1);
  const [rows, cols] = [3, 80];
  for (const format of FORMATS) {
    const weight = allocate(format, rows, cols);
    const groups = format.groupSize === null ? 1 : Math.ceil(cols / format.groupSize);
    // Powers of two are numbers of every type.
    const scales = Array.from({ length: rows * groups }, () => 2 ** (random.below(16) - 8));
    const zeros = Array.from({ length: rows * groups }, () => random.below(2 ** format.bits));
    const codes = Array.from({ length: rows }, () =>
      rowCodes(cols).map(() => random.below(2 ** format.bits)),
    );
    for (const [index, scale] of scales.entries()) storeScale(weight, index, scale);
    for (const [index, zero] of zeros.entries()) storeZero(weight, index, zero);
    for (const [row, of] of codes.entries()) packRow(weight, row, of);
    t.strictSame(
      scales.map((_, index) => scaleAt(weight, index)),
      scales,
    );
    if (format.zeroPoints)
      t.strictSame(
        zeros.map((_, index) => zeroAt(weight, index)),
        zeros,
      );
    const all = codes.flatMap((of) => [...of]);
    t.strictSame(
      all.map((_, index) => getCode(weight.codes, index, format.bits)),
      all,
    );
  }
  t.end();
});

t.test('a format without one scale for a group is refused', (t) => {
  t.throws(() => allocate(STORED_FORMATS.q4_k, 1, 256), RangeError);
  t.throws(() => allocate(STORED_FORMATS.q4_1, 1, 32), RangeError);
  t.throws(() => allocate({ ...parseQuantization('int8'), scaleType: null }, 1, 32), RangeError);
  t.end();
});
