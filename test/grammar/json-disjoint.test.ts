import t from 'tap';
import { disjoint } from '#halflight/grammar/json-disjoint.js';

t.test('schemas differ by type, by constants, or by the constant of a required property', (t) => {
  const tagged = (tag: string) => ({
    type: 'object',
    properties: { kind: { const: tag } },
    required: ['kind'],
  });
  t.ok(disjoint([{ type: 'string' }, { type: 'integer' }, { type: ['null', 'array'] }]));
  t.ok(disjoint([{ enum: ['a', 'b'] }, { const: 'c' }]));
  t.ok(disjoint([tagged('cat'), tagged('dog')]));
  t.end();
});

t.test('schemas that may share a value do not', (t) => {
  t.notOk(disjoint([{ type: 'integer' }, { type: 'number' }]));
  t.notOk(disjoint([{ type: 'string' }, {}]));
  t.notOk(disjoint([{ enum: ['a', 'b'] }, { const: 'b' }]));
  t.notOk(
    disjoint([
      { type: 'object', properties: { kind: { const: 'a' } } },
      { type: 'object', properties: { kind: { const: 'b' } } },
    ]),
    'the tag may be missing',
  );
  t.notOk(disjoint([true, { type: 'string' }]));
  t.end();
});
