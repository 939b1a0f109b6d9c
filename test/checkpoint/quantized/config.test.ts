import t from 'tap';
import { Fields } from '#halflight/checkpoint/fields.js';
import { groupSizeOf, modulePattern, oneOf, refuseUnknown } from '#halflight/checkpoint/quantized/config.js';

const fields = (object: object) => Fields.from(object, 'c.json');

t.test('a key that is not known passes only where it is off', (t) => {
  refuseUnknown(fields({ bits: 4, a: null, b: false, c: 0, d: '', e: [], f: {} }), 'bits group_size');
  t.throws(() => refuseUnknown(fields({ bit: 4 }), 'bits'), {
    name: 'CheckpointError',
    message: 'c.json: bit: not understood, and it may change the result',
  });
  t.end();
});

t.test('one of some values, the first where the key is absent', (t) => {
  t.equal(oneOf(fields({}), 'bits', [4, 8]), 4);
  t.equal(oneOf(fields({ bits: 8 }), 'bits', [4, 8]), 8);
  t.throws(() => oneOf(fields({ bits: '8' }), 'bits', [4, 8]), {
    message: /c\.json: bits: "8" is not read; known: 4, 8/,
  });
  t.end();
});

t.test('a group size of −1, or none, is the whole row', (t) => {
  t.equal(groupSizeOf(fields({}), 'g'), null);
  t.equal(groupSizeOf(fields({ g: -1 }), 'g'), null);
  t.equal(groupSizeOf(fields({ g: 128 }), 'g'), 128);
  for (const g of [0, -2, 1.5, '128'])
    t.throws(() => groupSizeOf(fields({ g }), 'g'), { name: 'CheckpointError' });
  t.end();
});

t.test('patterns match from the start of a path', (t) => {
  const pattern = modulePattern(fields({}), 'p', 'model\\.layers\\.(0|1)\\.');
  t.ok(pattern.test('model.layers.1.mlp'));
  t.notOk(pattern.test('x.model.layers.1.mlp'));
  t.end();
});

t.test('a pattern that could match for hours is refused', (t) => {
  for (const text of ['(a+)+$', '(a|a)*$', '(?:.*){9}', '(a)\\1', '.*'.repeat(6), 'a'.repeat(2000)]) {
    t.throws(() => modulePattern(fields({}), 'p', text), {
      name: 'CheckpointError',
      message: /could take too long/,
    });
  }
  t.throws(() => modulePattern(fields({}), 'p', '(a'), { name: 'CheckpointError', message: /is no pattern/ });
  t.end();
});
