import t from 'tap';
import { createJudge } from '../support/grammars.js';

const judge = await createJudge();

t.test('alternatives, constants and types are kept', async (t) => {
  t.strictSame(
    await judge.valueMisfits({ anyOf: [{ type: 'string', maxLength: 1 }, { type: 'null' }] }, [
      'a',
      null,
      'ab',
      1,
    ]),
    ['"ab"', '1'],
  );
  t.strictSame(await judge.valueMisfits({ enum: ['a', 1, null, [1]] }, ['a', 1, null, [1], 'b']), ['"b"']);
  t.strictSame(await judge.valueMisfits({ type: ['boolean', 'null'] }, [true, false, null, 0]), ['0']);
  t.strictSame(
    await judge.valueMisfits({ type: 'string', minLength: 2, maxLength: 3 }, [
      'a',
      'ab',
      '日本語',
      '😀😀😀',
      'abcd',
    ]),
    ['"a"', '"abcd"'],
  );
});

t.test('lengths count characters, an escaped one as one', async (t) => {
  t.strictSame(await judge.valueMisfits({ type: 'string', maxLength: 2 }, ['"\n', '\\\\']), []);
});

t.test('a schema may refer to itself', async (t) => {
  const tree = {
    type: 'object',
    properties: { left: { $ref: '#' }, right: { $ref: '#' } },
    additionalProperties: false,
  };
  t.strictSame(await judge.valueMisfits(tree, [{}, { left: { right: {} } }, { left: 1 }]), ['{"left":1}']);
  const list = {
    $defs: {
      node: {
        type: 'object',
        properties: { next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
        required: ['next'],
      },
    },
    $ref: '#/$defs/node',
  };
  t.strictSame(await judge.valueMisfits(list, [{ next: { next: null } }]), []);
});

t.test('one schema of several that differ', async (t) => {
  const schema = { oneOf: [{ type: 'string' }, { type: 'integer' }] };
  t.strictSame(await judge.valueMisfits(schema, ['a', 1, true]), ['true']);
  t.match(
    await judge.schemaProblem({ oneOf: [{ type: 'integer' }, { type: 'number' }] }),
    /oneOf is known where/,
  );
});

t.test('what cannot be honoured, or allows nothing, is refused with its path', async (t) => {
  t.match(
    await judge.schemaProblem({ properties: { a: { properties: { b: { not: {} } } } } }),
    /#\/properties\/a\/properties\/b: the keyword "not"/,
  );
  t.match(await judge.schemaProblem(false), /allows no value/);
  t.match(await judge.schemaProblem(7), /must be an object/);
  t.match(await judge.schemaProblem({ $ref: '#' }), /refers to itself/);
  t.match(await judge.schemaProblem({ enum: ['a'], type: 'integer' }), /allows no value/);
  t.match(await judge.schemaProblem({ type: 'string', pattern: '(' }), /#\/pattern/);
  t.match(await judge.schemaProblem({ type: 'string', minLength: 3, maxLength: 2 }), /minLength above/);
  t.match(await judge.schemaProblem({ type: 'integer', minimum: 3, maximum: 2 }), /No number/);
});
