import t from 'tap';
import { type IntegerShape, integerFormat } from '#halflight/checkpoint/quantized/integers.js';
import { formatName } from '#halflight/quant/formats.js';

const named = (changes: Partial<IntegerShape>) =>
  formatName(
    integerFormat({
      cols: 128,
      bits: 4,
      groupSize: 32,
      scaleType: 'f16',
      zeroPoints: false,
      groups: null,
      ...changes,
    }),
  );

t.test('codes keep their width, but 7 bits go into 8, in groups of a multiple of 32 or whole rows', (t) => {
  t.equal(named({}), 'int4-g32');
  t.equal(named({ bits: 2, zeroPoints: true }), 'int2-g32-asym');
  t.equal(named({ bits: 7, groupSize: 96 }), 'int8-g96');
  t.equal(named({ groupSize: null }), 'int4');
  t.equal(named({ groupSize: 128 }), 'int4');
  t.equal(named({ groupSize: 200, cols: 24 }), 'int4');
  t.end();
});

t.test('what no integer format has is held as f32', (t) => {
  t.equal(named({ groupSize: 16 }), 'f32');
  t.equal(named({ groupSize: 40 }), 'f32');
  t.equal(named({ groups: { index: new Uint32Array(128), order: null } }), 'f32');
  t.end();
});
