import t from 'tap';
import { GrammarError } from '#halflight/grammar/grammar-error.js';
import { constantsOf, schemaTypes, splitSchema } from '#halflight/grammar/json-keywords.js';

t.test('a schema is what its keywords say', (t) => {
  t.match(splitSchema({ type: 'string', title: 'x' } as object, '#'), { kind: 'types' });
  t.match(splitSchema({ $ref: '#/a', description: 'x' } as object, '#'), { kind: 'ref', ref: '#/a' });
  t.match(splitSchema({ anyOf: [{}] } as object, '#'), { kind: 'any', at: '#/anyOf' });
  t.match(splitSchema({ allOf: [{}] } as object, '#'), { kind: 'all', at: '#/allOf/0' });
  t.match(splitSchema({ enum: [1, 'a'], type: 'string' }, '#'), { kind: 'constants', values: ['a'] });
  t.match(splitSchema({ const: null }, '#'), { kind: 'constants', values: [null] });
  t.match(splitSchema({ uniqueItems: false, type: 'array' } as object, '#'), { kind: 'types' });
  t.end();
});

t.test('types are said, or follow from the keywords', (t) => {
  t.strictSame(schemaTypes({ type: ['string', 'null'] }, '#'), ['string', 'null']);
  t.strictSame(schemaTypes({ minLength: 1 }, '#'), ['string']);
  t.strictSame(schemaTypes({ properties: {} }, '#'), ['object']);
  t.equal(schemaTypes({}, '#'), null);
  t.throws(() => schemaTypes({ type: 'text' } as object, '#'), GrammarError);
  t.throws(() => schemaTypes({ minLength: 1, minimum: 1 }, '#'), GrammarError);
  t.equal(constantsOf({ type: 'string' }, '#'), null);
  t.strictSame(constantsOf({ enum: ['a'] }, '#'), ['a']);
  t.end();
});

t.test('what cannot be honoured is refused by its name and path', (t) => {
  const refused = (schema: object, message: RegExp) =>
    t.throws(() => splitSchema(schema, '#/x'), { message }, String(message));
  refused({ if: {} }, /#\/x: the keyword "if" is not known/);
  refused({ not: {} }, /"not"/);
  refused({ uniqueItems: true }, /"uniqueItems"/);
  refused({ multipleOf: 2 }, /"multipleOf"/);
  refused({ patternProperties: {} }, /"patternProperties"/);
  refused({ minLength: -1 }, /#\/x\/minLength must be/);
  refused({ minimum: '1' }, /#\/x\/minimum must be a number/);
  refused({ enum: [] }, /#\/x\/enum must be/);
  refused({ properties: [] }, /#\/x\/properties must be/);
  refused({ anyOf: [{}], const: 1 }, /together/);
  refused({ anyOf: [{}], properties: {} }, /beside anyOf/);
  refused({ enum: [1], minimum: 1 }, /beside the values/);

  t.end();
});
