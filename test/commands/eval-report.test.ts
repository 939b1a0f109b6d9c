import t from 'tap';
import { klText, percentWithError, perplexityLine, withError } from '#halflight/commands/eval-report.js';

t.test('an estimate is written with its error, if it has one', (t) => {
  t.equal(withError({ mean: 1.23456, standardError: 0.0123 }, 3), '1.235 ± 0.012');
  t.equal(withError({ mean: 2, standardError: Number.NaN }, 1), '2.0');
  t.equal(percentWithError({ mean: 0.5, standardError: 0.0123 }), '50.00 ± 1.23 %');
  t.end();
});

t.test('a tiny divergence keeps two digits of its error', (t) => {
  t.equal(klText({ mean: 0.00123, standardError: 0.0001 }), '0.001230 ± 0.000100');
  t.equal(klText({ mean: 0.00000312, standardError: 0.00000031 }), '0.00000312 ± 0.00000031');
  t.equal(klText({ mean: 0, standardError: 0 }), '0.000000 ± 0.000000');
  t.end();
});

t.test('a perplexity says how much of the text was scored', (t) => {
  const result = { perplexity: 2, perplexityError: 0.1, meanNll: 0.69, standardError: 0.05, numScored: 7 };
  t.equal(perplexityLine(result, 9), 'perplexity 2.0000 ± 0.1000 (7 of 9 tokens scored)');
  t.end();
});
