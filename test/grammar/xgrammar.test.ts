import t from 'tap';
import { reasonOf } from '#halflight/grammar/xgrammar.js';

t.test('the reason is taken out of a line of the library’s log', (t) => {
  t.equal(
    reasonOf('[FATAL] /a/b/grammar_parser.cc:12: EBNF parse error\nat line 1'),
    'EBNF parse error\nat line 1',
  );
  t.equal(reasonOf('[WARNING] x.cc:1: something'), 'something');
  t.equal(reasonOf('hello'), null);
  t.end();
});
