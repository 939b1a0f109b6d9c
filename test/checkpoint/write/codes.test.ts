import t from 'tap';
import {
  groupElements,
  isStream,
  readCodes,
  scaleElements,
  transposedElements,
  zeroElements,
} from '#halflight/checkpoint/write/codes.js';
import { dequantize } from '#halflight/quant/formats.js';
import { f16Value } from '#halflight/quant/half.js';
import { coded, integers, specOf } from './support.js';

t.test('codes, scales and zero points make up the weights', (t) => {
  for (const bits of [2, 3, 4, 8] as const) {
    const weight = coded(specOf('a', [3, 64], integers(bits, 32, { zeroPoints: true })));
    const [scales, zeros, codes] = [scaleElements(weight), zeroElements(weight), new Uint8Array(64)];
    const values = dequantize(weight);
    for (let n = 0; n < 3; n++) {
      readCodes(weight, n, codes);
      const row = Float32Array.from(codes, (code, k) => {
        const group = 2 * n + Math.floor(k / 32);
        return (code - zeros[group]) * f16Value(scales[group]);
      });
      t.strictSame(row, values.slice(64 * n, 64 * n + 64));
    }
  }
  t.end();
});

t.test('without stored zero points, they are the middle code', (t) => {
  t.strictSame(zeroElements(coded(specOf('a', [2, 32], integers(4, 32)))), Uint8Array.of(8, 8));
  t.end();
});

t.test('f32 scales stay f32', (t) => {
  const weight = coded(specOf('a', [2, 32], integers(8, null, { scaleType: 'f32' })));
  t.strictSame(scaleElements(weight), new Float32Array(weight.scales?.buffer ?? new ArrayBuffer()));
  t.end();
});

t.test('groups follow one another unless told otherwise', (t) => {
  const shape = { format: integers(4, 2), cols: 4 };
  t.strictSame(groupElements(shape, null), Int32Array.of(0, 0, 1, 1));
  t.strictSame(groupElements(shape, Uint32Array.of(1, 0, 1, 0)), Int32Array.of(1, 0, 1, 0));
  t.end();
});

t.test('codes are a stream where none reaches into another word and no row is padded', (t) => {
  t.ok(isStream({ format: integers(4, 32), cols: 64 }));
  t.notOk(isStream({ format: integers(3, 32), cols: 64 }));
  t.notOk(isStream({ format: integers(4, 32), cols: 40 }));
  t.end();
});

t.test('rows become columns', (t) => {
  t.strictSame(transposedElements(Uint8Array.of(1, 2, 3, 4, 5, 6), 3), Uint8Array.of(1, 4, 2, 5, 3, 6));
  t.end();
});
