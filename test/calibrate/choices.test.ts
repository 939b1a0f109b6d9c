import t, { type Test } from 'tap';
import { encodeQuestion, scoreQuestions } from '#halflight/calibrate/choices.js';
import { refuses } from '../support/commands.js';
import { NextIdRows } from '../support/fake-rows.js';

/** Ids of digits; `12` together are one token, 0. */
const pairs = { encode: (text: string) => [...text.replaceAll('12', '0')].map(Number) };
const question = (context: string, ...choices: string[]) => ({ line: 3, context, choices, answer: 0 });

// Sums of a few f64 terms of f32 logits.
const near = (t: Test, actual: number, expected: number) =>
  t.ok(Math.abs(actual - expected) < 1e-6, `${actual} is ${expected}`);

t.test('a choice’s tokens are those in which the text differs from the context', (t) => {
  t.strictSame(encodeQuestion(pairs, question('31', '3', '23'), 8, 'q').windows, [
    { tokenIds: [3, 1, 3], firstScored: 2 },
    { tokenIds: [3, 0, 3], firstScored: 1 },
  ]);
  t.end();
});

t.test('what cannot be scored is refused with line and choice', async (t) => {
  const encode =
    (context: string, ...choices: string[]) =>
    () =>
      encodeQuestion(pairs, question(context, ...choices), 4, 'q');
  await refuses(t, encode('', '1', '2'), /^q: line 3: choices\[0\]: no token stands before it; begin/);
  await refuses(
    t,
    encode('3', '1', '3333'),
    /^q: line 3: choices\[1\]: 5 tokens with its context, but the model takes 4$/,
  );
  const deaf = { encode: () => [1] };
  await refuses(t, () => encodeQuestion(deaf, question('1', '2'), 4, 'q'), /choices\[0\]: adds no token/);
});

t.test('sums, and sums by bytes and by tokens, choose each for themselves', async (t) => {
  // ln 3: the next id has probability 1/2, any other 1/6.
  const model = new NextIdRows(Math.log(3));
  const asked = [
    // One unlikely token against three likely ones: −ln 6 and −3 ln 2 = −ln 8.
    { ...question('0', '3', '123'), answer: 1 },
    { ...question('0', '3', '1'), answer: 1 },
  ];
  const chars = { encode: (text: string) => [...text].map(Number) };
  const encoded = asked.map((one) => encodeQuestion(chars, one, 8, 'q'));
  const told: number[] = [];
  const report = await scoreQuestions(model, encoded, (done) => told.push(done));
  t.strictSame(told, [1, 2]);
  const [{ line, choices }] = report.questions;
  t.equal(line, 3);
  near(t, choices[0].logLikelihood, -Math.log(6));
  near(t, choices[1].logLikelihood, -Math.log(8));
  t.match(choices[1], { numTokens: 3, numBytes: 3 });
  near(t, report.accuracy.mean, 0.5);
  near(t, report.accuracy.standardError, 0.5);
  near(t, report.accuracyByBytes.mean, 1);
  near(t, report.accuracyByTokens.mean, 1);
});

t.test('bytes are those of UTF-8', async (t) => {
  const ids = { encode: (text: string) => Array.from(text, () => 1) };
  const encoded = encodeQuestion(ids, question('a', 'é', 'e'), 8, 'q');
  const report = await scoreQuestions(new NextIdRows(0), [encoded]);
  t.strictSame(
    report.questions[0].choices.map(({ numBytes }) => numBytes),
    [2, 1],
  );
});
