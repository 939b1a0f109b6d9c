import t from 'tap';
import { runBench } from '#halflight/commands/bench.js';
import { printed, refuses } from '../support/commands.js';
import { tinyDir } from '../support/tiny.js';

// The first compilation of the kernels takes a software adapter its time.
t.setTimeout(200_000);

const SHORT = ['--input-len', '8', '--output-len', '6', '--repeats', '1'];

t.test('a model directory is measured for each batch size', async (t) => {
  const args = ['offline', tinyDir('llama'), '--batch-size', '1,2', ...SHORT];
  const report = JSON.parse(await printed(t, () => runBench([...args, '--json'])));
  t.match(report, {
    engine: { maxModelLen: 14, maxNumSeqs: 2 },
    results: [{ batchSize: 1 }, { batchSize: 2 }],
  });
  t.ok(report.readyMs > 0 && report.rates.copyBytesPerSecond > 0);
  for (const result of report.results) {
    t.ok(result.prefillThroughput > 0 && result.decodeThroughput > 0 && result.rooflineShare > 0);
    t.ok(result.dispatchesPerStep > 10);
  }
});

t.test('the CPU reference is measured without rates', async (t) => {
  const table = await printed(t, () => runBench(['offline', tinyDir('llama'), '--device', 'cpu', ...SHORT]));
  t.match(table, /requests +prefill tok\/s/);
});

t.test('a cache that cannot hold the requests, two models, and an unknown shape are refused', async (t) => {
  const small = ['--device', 'cpu', '--kv-cache-memory', '20KiB', '--batch-size', '8'];
  await refuses(
    t,
    () => runBench(['offline', tinyDir('llama'), ...small, ...SHORT]),
    /^--batch-size: needs 8 blocks/,
  );
  const random = ['offline', '--random-weights'];
  await refuses(
    t,
    () => runBench([...random, 'SmolLM2-135M', 'model']),
    /takes the place of MODEL, but got model/,
  );
  await refuses(t, () => runBench([...random, 'GPT-5']), /^--random-weights: "GPT-5" is none of/);
});
