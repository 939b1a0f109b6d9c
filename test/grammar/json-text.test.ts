import t from 'tap';
import { createJudge } from '../support/grammars.js';

const judge = await createJudge();
const ANYTHING = { type: 'json_schema', schema: true, strict: false } as const;

t.test('any JSON value fits where any is asked for', async (t) => {
  const values = [
    null,
    true,
    0,
    -12,
    3.25,
    1e21,
    '',
    'a "b" \\ \n \u0001 é 日本 😀',
    [],
    [1, [2, [3]]],
    {},
    { a: { b: [null, false] }, '': 1 },
  ];
  t.strictSame(
    await judge.misfits(
      ANYTHING,
      values.map((value) => JSON.stringify(value)),
    ),
    [],
  );
  t.strictSame(await judge.misfits(ANYTHING, [JSON.stringify(values, null, 2)]), [], 'indented');
});

t.test('what is no JSON does not', async (t) => {
  const texts = [
    '',
    '{',
    '[1,]',
    '{"a":1,}',
    '01',
    '+1',
    '.5',
    '1.',
    "'a'",
    '"\n"',
    '"\\x"',
    'nul',
    '{a:1}',
    '1 2',
    '[1 2]',
    '"\\ud8"',
  ];
  t.strictSame(await judge.misfits(ANYTHING, texts), texts);
});

t.test('white space has an end', async (t) => {
  const spaced = (space: string) => `[${space}1${space}]`;
  t.strictSame(await judge.misfits(ANYTHING, ['', ' ', '\n', '\n    '].map(spaced)), []);
  t.notOk(await judge.fits(ANYTHING, spaced('  ')));
  t.notOk(await judge.fits(ANYTHING, spaced('\n\n')));
  t.notOk(await judge.fits(ANYTHING, spaced(`\n${' '.repeat(21)}`)));
});

t.test('names of others are none of those that are known', async (t) => {
  const schema = { type: 'object', properties: { a: { type: 'integer' }, ab: { type: 'integer' } } };
  t.strictSame(
    await judge.valueMisfits(schema, [{ a: 1 }, { b: 'x' }, { abc: 'x' }, { a: 1, ba: 'x' }, { '': 'x' }]),
    [],
  );
  t.strictSame(await judge.valueMisfits(schema, [{ a: 'x' }, { ab: 'x' }]), ['{"a":"x"}', '{"ab":"x"}']);
});
