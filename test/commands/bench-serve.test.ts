import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { runBenchServe } from '#halflight/commands/bench-serve.js';
import { halflight } from '../support/cli.js';
import { printed, refuses } from '../support/commands.js';
import { temporaryFolder } from '../support/models.js';
import { startToy } from '../support/toy-server.js';

t.test('a run prints its figures and saves them', async (t) => {
  const { url, bodies } = await startToy(t, () => ({ ttftMs: 5, itlMs: 2, numTokens: 3 }));
  const dir = await temporaryFolder(t);
  const [saved, csv] = [join(dir, 'a.json'), join(dir, 'a.csv')];
  const args = ['--base-url', url, '--num-prompts', '5', '--max-concurrency', '2', '--request-rate', '200'];
  const out = await printed(t, () =>
    runBenchServe([...args, '--json', '--save-result', '--result-filename', saved, '--csv', csv]),
  );
  const result = JSON.parse(out) as object;
  t.match(result, {
    completed: 5,
    failed: 0,
    total_output_tokens: 15,
    request_rate: 200,
    max_concurrency: 2,
  });
  t.same(JSON.parse(await readFile(saved, 'utf8')), result);
  t.match(await readFile(csv, 'utf8'), /^date,.*\n.*,toy,.*\n$/);
  t.equal(bodies.length, 6, 'with one warm-up');
});

t.test(
  'from the command line it shows progress beside the table, and ends with 1 where nothing is answered',
  async (t) => {
    const { url } = await startToy(t, () => ({ ttftMs: 5, itlMs: 2, numTokens: 3, failure: 'refused' }));
    const { code, stdout, stderr } = await halflight(
      'bench',
      'serve',
      '--base-url',
      url,
      '--num-prompts',
      '3',
    );
    t.match(stdout, /^0 completed, 3 failed \(3 × HTTP 429\)/m);
    t.match(stderr, /a warm-up failed: HTTP 429/);
    t.match(stderr, /^3 of 3 done, 0 in flight, 3 failed/m);
    t.equal(code, 1);
  },
);

t.test('files and flags that cannot be used are refused before anything is sent', async (t) => {
  await refuses(t, () => runBenchServe(['--csv', '/nowhere/a.csv']), /^--csv: \/nowhere: no such file/);
  await refuses(
    t,
    () => runBenchServe(['--result-filename', 'a']),
    /^--result-filename: is for --save-result/,
  );
  await refuses(t, () => runBenchServe(['--request-rate', '0']), /^--request-rate: "0" is not a number/);
  await refuses(t, () => runBenchServe(['--input-len', '9-3']), /^--input-len: "9-3" is no length/);
  await refuses(t, () => runBenchServe(['--goodput', 'x']), /^--goodput: "x" is no limit/);
});
