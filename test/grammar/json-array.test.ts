import t from 'tap';
import { createJudge } from '../support/grammars.js';

const judge = await createJudge();
const count = (n: number) => Array.from({ length: n }, (_, i) => i);

t.test('items and their number are kept', async (t) => {
  const schema = { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 4 };
  t.strictSame(await judge.valueMisfits(schema, [count(1), count(2), count(4), count(5), ['a', 'b']]), [
    '[0]',
    '[0,1,2,3,4]',
    '["a","b"]',
  ]);
  t.strictSame(await judge.valueMisfits({ type: 'array', maxItems: 0 }, [[], [1]]), ['[1]']);
  t.strictSame(await judge.valueMisfits({ type: 'array', items: false }, [[], [1]]), ['[1]']);
});

t.test('the first items have schemas of their own', async (t) => {
  const schema = {
    type: 'array',
    prefixItems: [{ type: 'string' }, { type: 'integer' }],
    items: { type: 'boolean' },
  };
  t.strictSame(await judge.valueMisfits(schema, [[], ['a'], ['a', 1], ['a', 1, true, false]]), []);
  t.strictSame(await judge.valueMisfits(schema, [[1], ['a', 'b'], ['a', 1, 2]]), [
    '[1]',
    '["a","b"]',
    '["a",1,2]',
  ]);
  t.strictSame(
    await judge.valueMisfits({ ...schema, minItems: 3, maxItems: 3 }, [
      ['a', 1],
      ['a', 1, true],
      ['a', 1, true, true],
    ]),
    ['["a",1]', '["a",1,true,true]'],
  );
});

t.test('numbers of items that do not go together, or are too large, are refused', async (t) => {
  t.match(await judge.schemaProblem({ type: 'array', minItems: 3, maxItems: 2 }), /minItems above/);
  t.match(await judge.schemaProblem({ type: 'array', minItems: 20_000 }), /go to/);
  t.match(await judge.schemaProblem({ type: 'array', items: [{}] }), /prefixItems/);
});
