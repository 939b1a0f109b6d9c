// Lint and tests, with the counts that tap reports.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { foreground, must, root, StepError, seconds, step } from './steps.mjs';

const RESULTS = '.tap/results.tap';

export function lint() {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  return step('Linting', () =>
    must(
      process.execPath,
      [biome, 'check', '--error-on-warnings', '.'],
      '`npm run format` mends most of it.',
    ),
  );
}

/** Runs the compiled tests whose path contains one of `filters` (all without any); prints `N passed, N failed` last. */
export async function runTests(filters) {
  const files = testFiles(filters);
  if (files.length === 0) throw new StepError(`No test file matches ${filters.join(' ')}.`);
  console.log(`Running ${files.length} test file${files.length === 1 ? '' : 's'}`);
  const started = performance.now();
  rmSync(join(root, RESULTS), { force: true });
  const status = await foreground(process.execPath, [tap(), 'run', ...tapOptions(), ...files]);
  if (!existsSync(join(root, RESULTS))) throw new StepError(`tap exited with ${status} and left no results.`);
  const results = readFileSync(join(root, RESULTS), 'utf8');
  const { passed, failed, skipped } = countResults(results);
  for (const line of failureLines(results)) console.log(line);
  console.log(`Tests took ${seconds(started)} s${skipped > 0 ? `; ${skipped} skipped` : ''}.`);
  if (status !== 0 && failed === 0) console.log(`tap exited with ${status}.`);
  console.log(`${passed} passed, ${failed} failed`);
  return status === 0 && failed === 0 ? 0 : 1;
}

function tap() {
  return join(root, 'node_modules/tap/dist/esm/run.mjs');
}

/** On a terminal tap shows what runs; elsewhere only what fails. */
function tapOptions() {
  const reporter = process.stdout.isTTY ? ['--reporter=base'] : ['--reporter=min', '--no-color'];
  return [...reporter, `--output-file=${RESULTS}`];
}

/** Paths of the compiled tests that the filters choose. */
export function testFiles(filters) {
  const files = readdirSync(join(root, 'dist-test'), { recursive: true });
  return chooseTests(files, filters).map((file) => join('dist-test', file));
}

/** Sorted. `quant` as well as `test/quant/int4.test.ts` and `dist-test/quant/int4.test.js` choose `quant/int4.test.js`. */
export function chooseTests(files, filters) {
  const wanted = filters.map((filter) =>
    filter.replace(/^(\.\/)?(dist-)?test\//, '').replace(/\.(ts|js)$/, ''),
  );
  const isWanted = (file) =>
    wanted.length === 0 || wanted.some((part) => file.replace(/\.js$/, '').includes(part));
  return files.filter((file) => file.endsWith('.test.js') && isWanted(file)).sort();
}

/**
 * Counts the assertions of all files from tap's raw output. Each file is a subtest, indented, closed by an `ok` or `not ok` line;
 * one that failed without a failed assertion (it crashed, hung, or broke its plan) counts as one failure.
 */
export function countResults(text) {
  const total = text.match(/^# \{ total: \d+.*\}$/m)?.[0] ?? '';
  const count = (name) => Number(total.match(new RegExp(`\\b${name}: (\\d+)`))?.[1] ?? 0);
  return { passed: count('pass'), failed: count('fail') + silentFailures(text), skipped: count('skip') };
}

const MAX_DETAIL_LINES = 40;

/** Each `not ok` line of tap's raw output, and below those of assertions what tap says of them, shortened. */
export function failureLines(text) {
  const lines = text.split('\n');
  return lines.flatMap((line, i) => {
    if (!/^ *not ok/.test(line)) return [];
    // Subtests and files are closed with their time, and say only where they stand.
    return / # time=/.test(line)
      ? [line, '']
      : [line, ...details(lines.slice(i + 1, i + 1 + MAX_DETAIL_LINES))];
  });
}

/** The YAML block that the lines begin with. */
function details(lines) {
  const end = lines.findIndex((line) => line.trim() === '...');
  return lines[0]?.trim() === '---' ? lines.slice(1, end < 0 ? undefined : end) : [];
}

function silentFailures(text) {
  const files = text.split(/^(?=(?:not )?ok \d+)/m);
  // What stands between two closing lines belongs to the later one.
  return files.slice(1).filter((part, index) => part.startsWith('not ok') && !/^ +not ok/m.test(files[index]))
    .length;
}
