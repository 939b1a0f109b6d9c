import type { Tensor } from '../ops/ops.js';
import { RESULT } from '../ops/result-layout.js';
import { decodeBatch, MAX_LOGITS_ROWS } from './kernel-batches.js';
import { type CaseContext, type KernelCase, rowBytes } from './kernel-case.js';
import { randomValues } from './random-weights.js';

/** Operations that read no weight and no cache, on activations of the compute type. */
export function* plainCases<B>(
  context: CaseContext<B>,
  tokenCounts: readonly number[],
): Generator<KernelCase> {
  const { ops, config, maxTokens } = context;
  const { hiddenSize, intermediateSize, normEps: eps } = config;
  const residual = ops.tensor(maxTokens, hiddenSize, 'f32', 'activations');
  const normed = ops.tensor(maxTokens, hiddenSize, ops.computeType, 'activations');
  const weight = ops.constant(new Float32Array(hiddenSize).fill(1), 1, hiddenSize);
  const gateUp = ops.tensor(maxTokens, 2 * intermediateSize, ops.computeType, 'activations');
  const activated = ops.tensor(maxTokens, intermediateSize, ops.computeType, 'activations');
  for (const rows of tokenCounts) {
    const plain = { tokens: rows, multiplyAdds: null };
    yield {
      ...plain,
      name: 'rms_norm',
      shape: String(hiddenSize),
      bytes: rows * (rowBytes(residual) + rowBytes(normed)) + 4 * hiddenSize,
      enqueue: () => ops.rmsNorm({ x: residual, weight, out: normed, rows, eps }),
    };
    yield {
      ...plain,
      name: 'activate',
      shape: String(intermediateSize),
      bytes: rows * (rowBytes(gateUp) + rowBytes(activated)),
      enqueue: () => ops.activate({ x: gateUp, out: activated, rows, activation: 'silu' }),
    };
  }
  yield* logitsCases(
    context,
    residual,
    tokenCounts.filter((rows) => rows <= MAX_LOGITS_ROWS),
  );
}

interface LogitsTensors<B> {
  readonly x: Tensor<B>;
  readonly gathered: Tensor<B>;
  /** As the model gives them, then edited. */
  readonly logits: Tensor<B>;
}

function* logitsCases<B>(
  context: CaseContext<B>,
  x: Tensor<B>,
  rowCounts: readonly number[],
): Generator<KernelCase> {
  const { ops, config, batch, random } = context;
  const { hiddenSize, vocabSize } = config;
  const gathered = ops.tensor(MAX_LOGITS_ROWS, hiddenSize, 'f32', 'activations');
  const logits = ops.tensor(2 * MAX_LOGITS_ROWS, vocabSize, 'f32', 'activations');
  ops.write(logits, randomValues(random, MAX_LOGITS_ROWS * vocabSize));
  for (const rows of rowCounts) {
    ops.writeBatch(batch, decodeBatch(batch.capacity, rows, vocabSize));
    yield* casesOfRows(context, { x, gathered, logits }, rows);
  }
}

function casesOfRows<B>(
  { ops, batch, results }: CaseContext<B>,
  { x, gathered, logits }: LogitsTensors<B>,
  rows: number,
): readonly KernelCase[] {
  const plain = { tokens: rows, multiplyAdds: null, shape: String(logits.cols) };
  const bytes = rows * (rowBytes(logits) + 4 * RESULT.words);
  return [
    {
      ...plain,
      name: 'gather_rows',
      shape: String(x.cols),
      bytes: 2 * rows * rowBytes(gathered),
      enqueue: () => ops.gatherRows({ batch, x, out: gathered, rows }),
    },
    {
      ...plain,
      name: 'edit_logits',
      bytes: 2 * rows * rowBytes(logits),
      enqueue: () => ops.editLogits({ batch, previous: results, logits, rows }),
    },
    {
      ...plain,
      name: 'sample',
      bytes,
      enqueue: () => ops.sample({ batch, logits, out: results, rows }),
    },
    {
      ...plain,
      name: 'logprobs',
      bytes,
      enqueue: () => ops.logprobs({ batch, logits, out: results, rows }),
    },
  ];
}
