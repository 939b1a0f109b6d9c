import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { runBenchSweep } from '#halflight/commands/bench-sweep.js';
import { printed, refuses } from '../support/commands.js';
import { temporaryFolder } from '../support/models.js';
import { startToy } from '../support/toy-server.js';

t.test('a sweep prints its levels and their knee, and writes them', async (t) => {
  const { url } = await startToy(t, () => ({ ttftMs: 20, itlMs: 10, numTokens: 3 }));
  const dir = await temporaryFolder(t);
  const [csv, html] = [join(dir, 'a.csv'), join(dir, 'a.html')];
  const args = ['--base-url', url, '--max-concurrency', '4', '--goodput', 'ttft:1000'];
  const out = JSON.parse(
    await printed(t, () => runBenchSweep([...args, '--json', '--csv', csv, '--html', html])),
  );
  t.match(out, { model: 'toy', kind: 'concurrency' });
  const { knee, levels } = out as {
    knee: number;
    levels: { load: number; completed: number; knee: boolean }[];
  };
  t.ok(levels.length >= 2, 'a toy takes any number at once');
  t.match(levels, [
    { load: 1, completed: 8 },
    { load: 2, completed: 8 },
  ]);
  t.strictSame(
    levels.filter((level) => level.knee).map(({ load }) => load),
    [knee],
  );
  t.match(await readFile(csv, 'utf8'), /^load,knee,duration,/);
  t.match(await readFile(html, 'utf8'), /Throughput against latency/);
});

t.test('rates are gone through in order, as a table', async (t) => {
  const { url } = await startToy(t, () => ({ ttftMs: 2, itlMs: 1, numTokens: 2 }));
  const args = ['--base-url', url, '--request-rates', '20,40', '--num-prompts', '6'];
  const out = await printed(t, () => runBenchSweep(args));
  t.match(out, /^requests\/s +tokens\/s/m);
  t.match(out, /^20 +/m);
});

t.test('a level that fails ends the sweep, and is not its knee', async (t) => {
  // One warm-up and eight requests of the first level are answered; of the second all but its warm-up are refused.
  const { url } = await startToy(t, (index) => ({
    ttftMs: 2,
    itlMs: 1,
    numTokens: 2,
    ...(index > 9 ? { failure: 'refused' as const } : {}),
  }));
  const out = await printed(t, () => runBenchSweep(['--base-url', url, '--max-concurrency', '8', '--json']));
  t.match(JSON.parse(out), {
    knee: 1,
    stopped: '8 of 8 requests failed',
    levels: [{ failed: 0 }, { failed: 8 }],
  });
});

t.test('rates that do not rise are refused', async (t) => {
  await refuses(t, () => runBenchSweep(['--request-rates', '4,2']), /^--request-rates: 4,2 does not rise/);
  await refuses(t, () => runBenchSweep(['--request-rates', '0']), /^--request-rates: "0" is not a number/);
});
