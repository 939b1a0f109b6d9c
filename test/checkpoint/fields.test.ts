import t from 'tap';
import { describe, Fields } from '#halflight/checkpoint/fields.js';

const fields = Fields.from(
  { n: 3, half: 0.5, yes: true, s: 'x', list: ['a', 1], inner: { n: -1 }, none: null },
  'c.json',
);

t.test('values come out with their types', (t) => {
  t.equal(fields.integer('n', { min: 1 }), 3);
  t.equal(fields.number('half', { min: 0, max: 1 }), 0.5);
  t.equal(fields.boolean('yes'), true);
  t.equal(fields.string('s'), 'x');
  t.strictSame(fields.list('list'), ['a', 1]);
  t.equal(fields.child('inner').integer('n', { min: -2 }), -1);
  t.end();
});

t.test('an object in a list is read as one of its own, and anything else is refused', (t) => {
  t.equal(fields.item('list', { n: 5 }).integer('n', { min: 1 }), 5);
  t.throws(() => fields.item('list', 1), { message: 'c.json: list: must be an object, is 1' });
  t.throws(() => fields.item('list', {}).string('s'), { message: 'c.json: list.s: missing' });
  t.end();
});

t.test('null and absent take the fallback, and without one are named as missing', (t) => {
  for (const key of ['none', 'absent', 'toString', '__proto__']) {
    t.equal(fields.has(key), false);
    t.equal(fields.integer(key, { min: 0 }, 7), 7);
    t.throws(() => fields.integer(key, { min: 0 }), { message: `c.json: ${key}: missing` });
    t.throws(() => fields.boolean(key), { message: `c.json: ${key}: missing` });
    t.throws(() => fields.string(key), { message: `c.json: ${key}: missing` });
    t.throws(() => fields.list(key), { message: `c.json: ${key}: missing` });
  }
  t.end();
});

t.test('defaults fill absent keys, and a null that is written stays', (t) => {
  const filled = fields.withDefaults({ none: 1, absent: 2, n: 4 });
  t.equal(filled.has('none'), false);
  t.equal(filled.integer('absent', { min: 0 }), 2);
  t.equal(filled.integer('n', { min: 0 }), 3);
  t.end();
});

t.test('a wrong type or range names the path', (t) => {
  t.throws(() => fields.integer('half', { min: 0 }), { message: 'c.json: half: must be an integer, is 0.5' });
  t.throws(() => fields.integer('n', { min: 4 }), { message: /c\.json: n: must be a number from 4 to / });
  t.throws(() => fields.child('inner').integer('n', { min: 0 }), { message: /^c\.json: inner\.n: / });
  t.throws(() => fields.boolean('s'), { message: 'c.json: s: must be true or false, is "x"' });
  t.throws(() => fields.strings('list'), { message: 'c.json: list: must be a list of strings, holds 1' });
  t.throws(() => fields.child('list'), { message: 'c.json: list: must be an object, is a list of 2' });
  t.throws(() => Fields.from(3, 'c.json'), { message: 'c.json: JSON: must be an object, is 3' });
  t.throws(() => fields.string('n'), { name: 'CheckpointError' });
  t.throws(() => fields.list('n'), { name: 'CheckpointError' });
  t.end();
});

t.test('long values are cut in messages', (t) => {
  t.ok(describe('y'.repeat(1000)).length < 100);
  t.equal(describe({}), 'an object');
  t.equal(describe(undefined), 'absent or null');
  t.end();
});

t.test('a key that has another name in the file is read and refused under that', (t) => {
  const fields = Fields.from({ n_embd: 64, hidden_size: 'ignored' }, 'config.json').withNames({
    hidden_size: 'n_embd',
    layers: 'n_layer',
  });
  t.equal(fields.integer('hidden_size', { min: 1 }), 64);
  t.notOk(fields.has('layers'));
  t.throws(() => fields.integer('layers', { min: 1 }), { message: 'config.json: n_layer: missing' });
  t.equal(fields.withDefaults({ n_layer: 2 }).integer('layers', { min: 1 }), 2);
  t.end();
});
