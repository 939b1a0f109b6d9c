import t from 'tap';
import { createJudge } from '../support/grammars.js';

const judge = await createJudge();
const integer = { type: 'integer' };

t.test('required properties are there, others may be', async (t) => {
  const schema = {
    type: 'object',
    properties: { a: integer, b: integer, c: integer },
    required: ['b'],
    additionalProperties: false,
  };
  t.strictSame(
    await judge.valueMisfits(schema, [{ b: 1 }, { a: 1, b: 1 }, { b: 1, c: 1 }, { a: 1, b: 1, c: 1 }]),
    [],
  );
  const wrong = [{}, { a: 1 }, { a: 1, c: 1 }, { b: 1, d: 1 }, { b: 'x' }];
  t.strictSame(
    await judge.valueMisfits(schema, wrong),
    wrong.map((value) => JSON.stringify(value)),
  );
});

t.test('properties come in the order of the schema', async (t) => {
  const schema = { type: 'object', properties: { a: integer, b: integer }, required: ['a', 'b'] };
  t.strictSame(await judge.valueMisfits(schema, [{ b: 1, a: 1 }]), ['{"b":1,"a":1}']);
});

t.test('others have their own schema, or are kept out in strict mode', async (t) => {
  const properties = { a: integer };
  t.strictSame(await judge.valueMisfits({ type: 'object', properties }, [{ x: null }]), []);
  t.strictSame(await judge.valueMisfits({ type: 'object', properties }, [{ x: null }], true), ['{"x":null}']);
  const typed = { type: 'object', properties, additionalProperties: { type: 'string' } };
  t.strictSame(await judge.valueMisfits(typed, [{ a: 1, x: 'y' }, { x: 1 }]), ['{"x":1}']);
  t.strictSame(await judge.valueMisfits({ type: 'object', required: ['z'] }, [{ z: 1 }, {}]), ['{}']);
});

t.test('names and their number are kept where none is named', async (t) => {
  const schema = {
    type: 'object',
    additionalProperties: integer,
    propertyNames: { pattern: '^x\\d$' },
    minProperties: 1,
    maxProperties: 2,
  };
  t.strictSame(await judge.valueMisfits(schema, [{ x1: 1 }, { x1: 1, x2: 2 }]), []);
  t.strictSame((await judge.valueMisfits(schema, [{}, { y: 1 }, { x1: 1, x2: 1, x3: 1 }])).length, 3);
});

t.test('what can never be is refused', async (t) => {
  const closed = { type: 'object', properties: { a: integer }, additionalProperties: false };
  t.match(await judge.schemaProblem({ ...closed, required: ['b'] }), /requires "b"/);
  t.match(
    await judge.schemaProblem({ type: 'object', minProperties: 2, maxProperties: 1 }),
    /minProperties above/,
  );
  t.match(
    await judge.schemaProblem({ type: 'object', minProperties: 1, additionalProperties: false }),
    /minProperties/,
  );
});
