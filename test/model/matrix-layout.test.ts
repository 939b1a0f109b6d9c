import t from 'tap';
import { headwiseRows, headwiseValues, transposed } from '#halflight/model/matrix-layout.js';
import { dequantize, parseQuantization } from '#halflight/quant/formats.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';

t.test('a transposed matrix [inputs][outputs] is turned', (t) => {
  t.strictSame([...transposed(Float32Array.of(1, 2, 3, 4, 5, 6), 3)], [1, 4, 2, 5, 3, 6]);
  t.end();
});

t.test('q, k and v of one head after another become all of q, all of k, all of v', (t) => {
  t.strictSame([...headwiseValues(Float32Array.of(1, 2, 3, 4, 5, 6), 1)], [1, 4, 2, 5, 3, 6]);
  // Two heads of two dimensions.
  const values = Float32Array.from({ length: 12 }, (_, i) => i);
  t.strictSame([...headwiseValues(values, 2)], [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
  t.end();
});

t.test('rows in codes move with their scales and zero points', (t) => {
  const [rows, cols, headDim] = [18, 64, 3];
  const values = Float32Array.from(
    { length: rows * cols },
    (_, i) => Math.sin(i) * (1 + Math.floor(i / cols)),
  );
  for (const name of ['int4-g32-asym', 'int8', 'int4-g64']) {
    const packed = quantizeRtn(values, rows, cols, parseQuantization(name));
    const got = dequantize(headwiseRows(packed, headDim));
    t.strictSame(got, headwiseValues(dequantize(packed), headDim * cols), name);
  }
  t.end();
});
