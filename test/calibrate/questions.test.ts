import t from 'tap';
import { parseQuestions, QUESTION_LIMITS } from '#halflight/calibrate/questions.js';
import { refuses } from '../support/commands.js';

const good = { context: 'One and one is', choices: [' two', ' three'], answer: 0 };
const lines = (...values: unknown[]) => values.map((value) => JSON.stringify(value)).join('\n');

t.test('each line is a question; empty lines and other keys do not matter', (t) => {
  t.strictSame(
    parseQuestions(`${lines({ ...good, id: 7 })}\r\n\n${lines({ ...good, context: '' })}\n`, 'q'),
    [
      { line: 1, ...good },
      { line: 3, ...good, context: '' },
    ],
  );
  t.end();
});

t.test('mistakes are named by line and field', async (t) => {
  const many = Array.from({ length: QUESTION_LIMITS.choices + 1 }, () => 'a');
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [[good], /not a JSON object$/],
    [null, /not a JSON object$/],
    [{ ...good, context: 1 }, /context: not a text$/],
    [{ ...good, choices: 'two' }, /choices: not a list$/],
    [{ ...good, choices: ['two'] }, /choices: 1, but 2 to 64 are taken$/],
    [{ ...good, choices: many }, /choices: 65, but 2 to 64 are taken$/],
    [{ ...good, choices: ['two', 3] }, /choices\[1\]: not a text$/],
    [{ ...good, choices: ['', 'two'] }, /choices\[0\]: empty$/],
    [{ ...good, answer: 2 }, /answer: 2 is no index of its 2 choices$/],
    [{ ...good, answer: '0' }, /answer: "0" is no index/],
    [{ ...good, answer: 0.5 }, /answer: 0.5 is no index/],
  ];
  for (const [value, line] of cases) {
    const text = lines(good, value);
    await refuses(t, () => parseQuestions(text, '--task: q.jsonl'), /^--task: q.jsonl: line 2: /);
    await refuses(t, () => parseQuestions(text, 'q'), line);
  }
  await refuses(t, () => parseQuestions('{"context":', 'q'), /^q: line 1: not JSON$/);
  await refuses(t, () => parseQuestions('\n', 'q'), /^q: has no questions/);
  const long = ' '.repeat(QUESTION_LIMITS.lineLength);
  await refuses(t, () => parseQuestions(`${long}1`, 'q'), /^q: line 1: longer than 1048576 characters$/);
});
