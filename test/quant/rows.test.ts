import fc from 'fast-check';
import t from 'tap';
import { dequantize, parseQuantization, QUANTIZATION_NAMES } from '#halflight/quant/formats.js';
import { quantizeNearest } from '#halflight/quant/nearest.js';
import { packFloat } from '#halflight/quant/pack.js';
import { sliceRows, stackRows, takeRows } from '#halflight/quant/rows.js';
import type { PackedWeight } from '#halflight/quant/weight.js';

function matrix(rows: number, cols: number, seed: number): Float32Array {
  return Float32Array.from({ length: rows * cols }, (_, i) => Math.sin((i + 1) * (seed + 1)));
}

function makeWeight(name: string, rows: number, cols: number, seed: number): PackedWeight {
  if (name === 'f32') return packFloat(matrix(rows, cols, seed), 'f32', rows, cols);
  if (name === 'bf16')
    return packFloat(
      Uint16Array.from({ length: rows * cols }, (_, i) => 0x3f80 + i),
      'bf16',
      rows,
      cols,
    );
  return quantizeNearest(matrix(rows, cols, seed), rows, cols, parseQuantization(name));
}

const formatNames = fc.constantFrom('f32', 'bf16', ...QUANTIZATION_NAMES);
const numRows = fc.integer({ min: 1, max: 5 });
const numCols = fc.integer({ min: 1, max: 100 });

t.test('stacked weights decode to their parts one after another, whatever the counts of scales', (t) => {
  fc.assert(
    fc.property(
      formatNames,
      fc.array(numRows, { minLength: 1, maxLength: 4 }),
      numCols,
      (name, counts, cols) => {
        const parts = counts.map((rows, i) => makeWeight(name, rows, cols, i));
        const stacked = stackRows(parts);
        const expected = parts.flatMap((part) => [...dequantize(part)]);
        t.equal(stacked.length, 1);
        t.strictSame([...dequantize(stacked[0])], expected);
      },
    ),
    { numRuns: 100 },
  );
  t.end();
});

t.test('rows in another order decode to the same rows in that order', (t) => {
  fc.assert(
    fc.property(formatNames, numCols, (name, cols) => {
      const weight = makeWeight(name, 5, cols, 3);
      const values = dequantize(weight);
      const order = [3, 0, 4];
      const expected = order.flatMap((row) => [...values.subarray(row * cols, (row + 1) * cols)]);
      t.strictSame([...dequantize(takeRows(weight, order))], expected);
    }),
    { numRuns: 50 },
  );
  t.end();
});

t.test('a slice decodes to its rows, and slices stack back to the same words', (t) => {
  fc.assert(
    fc.property(formatNames, numRows, numRows, numCols, (name, first, second, cols) => {
      const whole = makeWeight(name, first + second, cols, 1);
      const slices = [sliceRows(whole, 0, first), sliceRows(whole, first, second)];
      const values = dequantize(whole);
      t.strictSame(dequantize(slices[1]), values.slice(first * cols));
      t.strictSame(stackRows(slices), [whole]);
    }),
    { numRuns: 100 },
  );
  t.end();
});

t.test('only neighbours of equal format and columns merge, and a lone part is not copied', (t) => {
  const a = makeWeight('int4', 1, 64, 0);
  const b = makeWeight('int8', 1, 64, 0);
  const c = makeWeight('int4', 1, 32, 0);
  const stacked = stackRows([a, a, b, a, c]);
  t.strictSame(
    stacked.map((part) => [part.format.reader, part.rows, part.cols]),
    [
      ['int4', 2, 64],
      ['int8', 1, 64],
      ['int4', 1, 64],
      ['int4', 1, 32],
    ],
  );
  t.equal(stacked[1], b);
  t.strictSame(stackRows([]), []);
  t.end();
});

t.test('an order of columns goes with the rows, and only rows of one order merge', (t) => {
  const columns = Uint32Array.of(2, 0, 1);
  const plain = makeWeight('int8', 4, 3, 1);
  const whole = { ...plain, columns };
  const moved = (row: number) =>
    columns.reduce<number[]>((out, to, k) => {
      out[to] = dequantize(plain)[3 * row + k];
      return out;
    }, []);
  t.strictSame([...dequantize(whole)], [0, 1, 2, 3].flatMap(moved));
  const slices = [sliceRows(whole, 0, 1), sliceRows(whole, 1, 3)];
  t.equal(slices[1].columns, columns);
  t.strictSame(stackRows([slices[0], { ...slices[1], columns: columns.slice() }]), [whole]);
  t.equal(stackRows([plain, whole]).length, 2);
  t.equal(stackRows([{ ...plain, columns: Uint32Array.of(0, 1, 2) }, whole]).length, 2);
  t.end();
});

t.test('rows outside the weight are refused', (t) => {
  const weight = makeWeight('int4', 3, 32, 0);
  t.throws(() => sliceRows(weight, 2, 2), { name: 'RangeError' });
  t.throws(() => sliceRows(weight, -1, 1), { name: 'RangeError' });
  t.equal(sliceRows(weight, 3, 0).rows, 0);
  t.end();
});
