import t from 'tap';
import { FLOAT_FORMATS, parseQuantization } from '#halflight/quant/formats.js';
import { blocksPerRow, groupsPerRow, weightBytes } from '#halflight/quant/weight.js';

t.test('a row is padded to whole blocks of 32 codes', (t) => {
  t.strictSame([1, 31, 32, 33, 64, 65].map(blocksPerRow), [1, 1, 1, 2, 2, 3]);
  t.end();
});

t.test('a row has a group per begun group size, one without a size, none without scales', (t) => {
  const groups = (name: string) =>
    [1, 32, 33, 128, 129].map((cols) => groupsPerRow(parseQuantization(name), cols));
  t.strictSame(groups('int4'), [1, 1, 2, 4, 5]);
  t.strictSame(groups('int8-g128'), [1, 1, 1, 1, 2]);
  t.strictSame(groups('int8'), [1, 1, 1, 1, 1]);
  t.equal(groupsPerRow(FLOAT_FORMATS.f16, 100), 0);
  t.end();
});

t.test('the bytes are those of the codes, the scales and the zero points', (t) => {
  const format = parseQuantization('int4-asym');
  const weight = { format, rows: 1, cols: 32, codes: new Uint32Array(4), scales: null, zeros: null };
  t.equal(weightBytes(weight), 16);
  t.equal(weightBytes({ ...weight, scales: new Uint32Array(2), zeros: new Uint32Array(1) }), 28);
  t.end();
});
