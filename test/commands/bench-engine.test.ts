import t from 'tap';
import { runBench } from '#halflight/commands/bench.js';
import { printed } from '../support/commands.js';
import { tinyDir } from '../support/tiny.js';

t.setTimeout(120_000);

const SHORT = ['--device', 'cpu', '--max-model-len', '64', '--output-len', '2', '--repeats', '1'];

t.test('throughput is told for each number of requests', async (t) => {
  const args = ['throughput', tinyDir('llama'), '--concurrency', '1,2', ...SHORT];
  const report = JSON.parse(await printed(t, () => runBench([...args, '--json'])));
  t.match(report, { engine: { maxModelLen: 64 }, results: [{ concurrency: 1 }, { concurrency: 2 }] });
});

t.test('what a cached prefix saves is a table', async (t) => {
  const args = ['prefix', tinyDir('llama'), '--long-input-len', '32', '--input-len', '4', ...SHORT];
  t.match(await printed(t, () => runBench(args)), /cached prefix, ms/);
});
