import t from 'tap';
import { HeadRun } from '#halflight/calibrate/head-run.js';
import { openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { CpuOps } from '#halflight/ops/cpu.js';
import { packFloat } from '#halflight/quant/pack.js';
import { tinyDir } from '../support/tiny.js';

/** More than one chunk of tokens. */
const NUM_TOKENS = 70;

async function open() {
  const config = await parseModelConfig(tinyDir('llama'));
  const checkpoint = await openSafetensors(`${tinyDir('llama')}/model.safetensors`);
  const norm = await checkpoint.readF32('model.norm.weight');
  const weight = await checkpoint.readF32('lm_head.weight');
  const run = await HeadRun.open(new CpuOps(), checkpoint, config);
  await checkpoint.close();
  const { hiddenSize: cols } = config;
  const stream = Float32Array.from({ length: NUM_TOKENS * cols }, (_, i) => Math.sin(i * i));
  const normed = Float64Array.from(stream, (x, i) => {
    const start = i - (i % cols);
    const squares = stream.subarray(start, start + cols).reduce((sum, y) => sum + y * y, 0);
    return (x * norm[i % cols]) / Math.sqrt(squares / cols + config.normEps);
  });
  return { run, config, stream, normed, weight };
}

async function allLogits(run: HeadRun<unknown>, stream: Float32Array): Promise<number[]> {
  const all: number[] = [];
  for await (const rows of run.logits(stream)) for (const logit of rows) all.push(logit);
  return all;
}

t.test('logits are those of the final norm and the output matrix, or of one in its place', async (t) => {
  const { run, config, stream, normed, weight } = await open();
  const { hiddenSize: cols, vocabSize } = config;
  const expected = (matrix: Float32Array, token: number, id: number) =>
    normed
      .subarray(token * cols, (token + 1) * cols)
      .reduce((sum, x, k) => sum + x * matrix[id * cols + k], 0);
  const turned = weight.map((value) => -2 * value);
  const other = await run.withWeight(packFloat(turned, 'f32', vocabSize, cols));
  for (const [head, matrix] of [
    [run, weight],
    [other, turned],
  ] as const) {
    const logits = await allLogits(head as HeadRun<unknown>, stream);
    t.equal(logits.length, NUM_TOKENS * vocabSize);
    // Inputs are rounded to f32 before the product.
    for (const [token, id] of [
      [0, 0],
      [66, 7],
      [69, vocabSize - 1],
    ])
      t.ok(Math.abs(logits[token * vocabSize + id] - expected(matrix, token, id)) < 1e-5);
  }
  run.close();
});

t.test('what is known of the output matrix’s inputs is of all tokens', async (t) => {
  const { run, config, stream, normed } = await open();
  const { hiddenSize: cols } = config;
  const { numTokens, meanSquares, hessian } = await run.stats([stream, stream.subarray(0, 3 * cols)], true);
  t.equal(numTokens, NUM_TOKENS + 3);
  const all = [...normed, ...normed.subarray(0, 3 * cols)];
  const mean = (i: number, j: number) =>
    Array.from({ length: numTokens }, (_, n) => all[n * cols + i] * all[n * cols + j]).reduce(
      (a, b) => a + b,
    ) / numTokens;
  t.ok(Math.abs(meanSquares[5] - mean(5, 5)) < 1e-5);
  // Twice the mean product: the Hessian of the squared error.
  t.ok(Math.abs((hessian?.[3 * cols + 5] ?? 0) - 2 * mean(3, 5)) < 1e-5);
});
