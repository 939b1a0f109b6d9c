import t from 'tap';
import { script } from './modules.js';

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Checks {
  countResults(text: string): Counts;
  failureLines(text: string): readonly string[];
  chooseTests(files: readonly string[], filters: readonly string[]): readonly string[];
}

const { countResults, failureLines, chooseTests } = await script<Checks>('checks.mjs');

const PASSING = `# Subtest: dist-test/a.test.js
    ok 1 - should be equal
    1..1
ok 1 - dist-test/a.test.js # time=10ms
`;

t.test("the counts are tap's own", (t) => {
  const text = `TAP version 14\n1..1\n${PASSING}\n# { total: 12, pass: 9, fail: 2, skip: 1 }\n# time=10ms\n`;
  t.strictSame(countResults(text), { passed: 9, failed: 2, skipped: 1 });
  t.end();
});

t.test('a file that crashed counts as a failure, although no assertion of it failed', (t) => {
  const crashed = `# Subtest: dist-test/b.test.js
    ok 1 - should be equal
    # test count(1) != plan(null)
not ok 2 - dist-test/b.test.js # time=10ms
  ---
  signal: SIGSEGV
  ...
`;
  const text = `TAP version 14\n1..2\n${PASSING}\n${crashed}\n# { total: 2, pass: 2 }\n`;
  t.strictSame(countResults(text), { passed: 2, failed: 1, skipped: 0 });
  t.end();
});

t.test('a file that failed with its assertions counts once', (t) => {
  const failing = `# Subtest: dist-test/b.test.js
    # Subtest: adds
        not ok 1 - should be equal
        1..1
    not ok 1 - adds # time=1ms
    1..1
not ok 1 - dist-test/b.test.js # time=10ms
`;
  const text = `TAP version 14\n1..2\n${failing}\n${PASSING.replace('ok 1 - dist', 'ok 2 - dist')}\n# { total: 2, pass: 1, fail: 1 }\n`;
  t.strictSame(countResults(text), { passed: 1, failed: 1, skipped: 0 });
  t.end();
});

t.test('a failure is shown with what tap says of it, and with the names of its test and file', (t) => {
  const failing = `# Subtest: dist-test/b.test.js
    # Subtest: adds
        not ok 1 - should be equal
          ---
          diff: 1 is not 2
          ...
        1..1
    not ok 1 - adds # time=1ms
      ---
      at: somewhere
      ...
    1..1
not ok 1 - dist-test/b.test.js # time=10ms
`;
  t.strictSame(
    failureLines(failing).map((line) => line.trim()),
    [
      'not ok 1 - should be equal',
      'diff: 1 is not 2',
      'not ok 1 - adds # time=1ms',
      '',
      'not ok 1 - dist-test/b.test.js # time=10ms',
      '',
    ],
  );
  t.strictSame(failureLines(PASSING), []);
  t.end();
});

t.test('results without a total count nothing as passed', (t) => {
  t.strictSame(countResults('TAP version 14\n'), { passed: 0, failed: 0, skipped: 0 });
  t.end();
});

t.test('a filter chooses by folder, by source path or by compiled path', (t) => {
  const files = ['quant/int4.test.js', 'quant/int8.test.js', 'server/app.test.js', 'support/paths.js'];
  t.strictSame(chooseTests(files, []), ['quant/int4.test.js', 'quant/int8.test.js', 'server/app.test.js']);
  t.strictSame(chooseTests(files, ['quant']), ['quant/int4.test.js', 'quant/int8.test.js']);
  t.strictSame(chooseTests(files, ['test/quant/int4.test.ts']), ['quant/int4.test.js']);
  t.strictSame(chooseTests(files, ['./dist-test/server/app.test.js', 'int8']), [
    'quant/int8.test.js',
    'server/app.test.js',
  ]);
  t.strictSame(chooseTests(files, ['absent']), []);
  t.end();
});
