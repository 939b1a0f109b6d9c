import t from 'tap';
import { anyOf, literal, quoteChar, RuleSet, times, wellFormed } from '#halflight/grammar/ebnf.js';
import { GrammarError } from '#halflight/grammar/grammar-error.js';

t.test('whatever could mean something in EBNF is escaped', (t) => {
  t.equal(literal('a"\n'), '"a\\u0022\\u000a"');
  t.equal(quoteChar(0x1f600), '\\U0001f600');
  t.equal(literal('\ud800'), '"\\ufffd"', 'UTF-8 has no surrogates');
  t.equal(wellFormed('a\udc00'), 'a\ufffd');
  t.end();
});

t.test('repetitions say their bounds', (t) => {
  t.equal(times('x', 1, 1), 'x');
  t.equal(times('x', 0, null), '(x){0,}');
  t.equal(times('x', 2, 5), '(x){2,5}');
  t.equal(times('x', 0, 0), '""');
  t.equal(anyOf(['x']), 'x');
  t.equal(anyOf(['x', 'y']), '(x | y)');
  t.end();
});

t.test('a rule is made once, and may refer to itself', (t) => {
  const rules = new RuleSet();
  const a = rules.add('"a"');
  t.equal(rules.add('"a"'), a);
  const list = rules.once('list', () => `${a} | ${rules.once('list', () => 'never')}`);
  t.equal(rules.text(list), `root ::= ${list}\n${a} ::= "a"\n${list} ::= ${a} | ${list}`);
  t.end();
});

t.test('a grammar that becomes too long is refused', (t) => {
  const rules = new RuleSet();
  t.throws(() => {
    for (let i = 0; i < 200; i++) rules.add(`"${'x'.repeat(10_000)}${i}"`);
  }, GrammarError);
  t.end();
});
