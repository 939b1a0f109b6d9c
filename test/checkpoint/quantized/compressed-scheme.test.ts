import t from 'tap';
import { Fields } from '#halflight/checkpoint/fields.js';
import { readSchemes } from '#halflight/checkpoint/quantized/compressed-scheme.js';

const schemes = (groups: object, changes: object = {}) =>
  readSchemes(Fields.from({ format: 'pack-quantized', config_groups: groups, ...changes }, 'c.json'));
const linear = (weights: object) => ({ g: { targets: ['Linear'], weights } });

t.test('a strategy that is not told follows from the group size', (t) => {
  t.match(schemes(linear({ num_bits: 4, group_size: 64 })).of('a'), {
    bits: 4,
    groupSize: 64,
    symmetric: true,
  });
  t.match(schemes(linear({ group_size: -1 })).of('a'), { bits: 8, groupSize: null, block: null });
  const block = { type: 'float', strategy: 'block', block_structure: [128, 64] };
  t.match(schemes(linear(block)).of('a'), { type: 'float', block: [128, 64] });
  t.throws(() => schemes(linear({ strategy: 'group' })), {
    message: /config_groups\.g\.weights\.group_size: missing/,
  });
  t.end();
});

t.test('only the order by group scatters the columns', (t) => {
  const order = (actorder: unknown) => schemes(linear({ group_size: 32, actorder })).of('a').actOrder;
  t.strictSame(['group', 'dynamic', true, 'weight', 'static', false, null].map(order), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  t.throws(() => order('other'), { message: /actorder: "other" is not read/ });
  t.end();
});

t.test('ignored modules and groups of activations only have no scheme', (t) => {
  t.throws(() => schemes(linear({}), { ignore: ['a'] }).of('a'), { message: /ignore: names a/ });
  t.throws(() => schemes({ g: { targets: ['Linear'], weights: null } }).of('a'), {
    message: /no group quantizes/,
  });
  t.end();
});

t.test('INT8 activations around 0 are told, by token or static; others stay floats', (t) => {
  const int8 = { num_bits: 8, type: 'int', symmetric: true };
  const inputs = (changes: object | null) =>
    schemes({
      g: { targets: ['Linear'], weights: {}, input_activations: changes && { ...int8, ...changes } },
    }).of('a').inputs;
  t.equal(inputs({ strategy: 'token', dynamic: true }), 'dynamic');
  t.equal(inputs({ strategy: 'tensor', dynamic: false }), 'static');
  t.equal(inputs(null), null);
  for (const other of [
    { strategy: 'token', dynamic: true, symmetric: false },
    { strategy: 'token', dynamic: true, type: 'float' },
    { strategy: 'token', dynamic: true, num_bits: 4 },
    { strategy: 'group', dynamic: false },
    { strategy: 'tensor', dynamic: true },
  ])
    t.equal(inputs(other), null, JSON.stringify(other));
  t.end();
});
