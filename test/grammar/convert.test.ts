import t from 'tap';
import { isShallow, specToEbnf } from '#halflight/grammar/convert.js';
import { GrammarError } from '#halflight/grammar/grammar-error.js';
import { MAX_SPEC_BYTES, type SpecPart } from '#halflight/grammar/spec.js';
import { createJudge } from '../support/grammars.js';

const judge = await createJudge();
const literal = (text: string): SpecPart => ({ type: 'literal', text });

t.test('each kind of specification fits its texts and no others', async (t) => {
  const fit = async (spec: Parameters<typeof judge.misfits>[0], good: string[], bad: string[]) => {
    t.strictSame(await judge.misfits(spec, good), []);
    t.strictSame(await judge.misfits(spec, bad), bad);
  };
  await fit(
    { type: 'choice', choices: ['yes', 'no "x"', '日'] },
    ['yes', 'no "x"', '日'],
    ['', 'y', 'yes ', 'no'],
  );
  await fit(literal('a\nb'), ['a\nb'], ['a', 'a\nbc']);
  await fit(
    { type: 'sequence', parts: [literal('a'), { type: 'regex', pattern: '\\d+' }] },
    ['a1', 'a23'],
    ['a', '1', 'a1b'],
  );
  await fit({ type: 'any_of', parts: [literal(''), literal('x')] }, ['', 'x'], ['xx']);
  await fit(
    { type: 'repeat', part: literal('a'), separator: ', ', max: 3 },
    ['a', 'a, a', 'a, a, a'],
    ['', 'a, ', 'a, a, a, a'],
  );
  await fit({ type: 'repeat', part: literal('a'), separator: '', max: null }, ['a', 'aaaa'], ['', 'b']);
  await fit({ type: 'ebnf', text: 'root ::= "x" tail\ntail ::= "y"*' }, ['x', 'xyy'], ['', 'y']);
});

t.test('an empty choice, and an empty grammar, are refused', async (t) => {
  t.match(await judge.problem({ type: 'choice', choices: [] }), /no choice/);
  t.match(await judge.problem({ type: 'any_of', parts: [] }), /no alternative/);
  t.match(await judge.problem({ type: 'ebnf', text: '' }), /./);
  t.match(await judge.problem({ type: 'ebnf', text: 'root ::= missing' }), /./);
});

t.test('what is too large or too deep is refused before it is read', (t) => {
  t.throws(() => specToEbnf({ type: 'regex', pattern: 'a'.repeat(MAX_SPEC_BYTES + 300) }), GrammarError);
  t.throws(
    () => specToEbnf({ type: 'ebnf', text: `root ::= ${'('.repeat(300)}"a"${')'.repeat(300)}` }),
    GrammarError,
  );
  let deep: unknown = 1;
  for (let i = 0; i < 40; i++) deep = { items: deep };
  t.notOk(isShallow(deep));
  t.ok(isShallow({ a: [{ b: 1 }] }));
  t.end();
});
