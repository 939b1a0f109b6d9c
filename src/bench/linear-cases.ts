import type { ModelConfig } from '../model/config.js';
import { codeWords } from '../ops/int8.js';
import type { ActivationType } from '../quant/formats.js';
import { type PackedWeight, type WeightFormat, weightBytes } from '../quant/weight.js';
import { decodeBatch, MAX_LOGITS_ROWS } from './kernel-batches.js';
import { type CaseContext, type KernelCase, rowBytes } from './kernel-case.js';
import { randomPacked, randomValues } from './random-weights.js';

/** Copies of a weight at most: a small one is served from caches in a whole model too. */
const MAX_COPIES = 32;

interface LinearShape {
  readonly role: string;
  readonly outputs: number;
  readonly inputs: number;
  /** Adds to the residual stream in f32. */
  readonly accumulate: boolean;
  readonly isLmHead: boolean;
}

/** The matrix products of a model, as its layers stack them. */
export function linearShapes(config: ModelConfig): readonly LinearShape[] {
  const { hiddenSize, intermediateSize, vocabSize, numHeads, numKvHeads, headDim } = config;
  const product = (role: string, outputs: number, inputs: number, flags: Partial<LinearShape> = {}) => ({
    role,
    outputs,
    inputs,
    accumulate: false,
    isLmHead: false,
    ...flags,
  });
  return [
    product('qkv', (numHeads + 2 * numKvHeads) * headDim, hiddenSize),
    product('o', hiddenSize, numHeads * headDim, { accumulate: true }),
    product('gate_up', 2 * intermediateSize, hiddenSize),
    product('down', hiddenSize, intermediateSize, { accumulate: true }),
    product('lm_head', vocabSize, hiddenSize, { isLmHead: true }),
  ];
}

/** Products of every matrix in one format at these numbers of tokens. With INT8 activations each run rounds them first, but for the logits. */
export function* linearCases<B>(
  context: CaseContext<B>,
  format: WeightFormat,
  tokenCounts: readonly number[],
  activations: ActivationType = 'float',
): Generator<KernelCase> {
  for (const shape of linearShapes(context.config)) {
    const counts = tokenCounts.filter((tokens) => !shape.isLmHead || tokens <= MAX_LOGITS_ROWS);
    if (counts.length === 0) continue;
    const packed = randomPacked(context.random, format, shape.outputs, shape.inputs);
    yield* productCases(context, shape, packed, counts, activations === 'int8' && !shape.isLmHead);
  }
}

function* productCases<B>(
  { ops, random, workingSetBytes }: CaseContext<B>,
  { role, outputs, inputs, accumulate, isLmHead }: LinearShape,
  packed: PackedWeight,
  tokenCounts: readonly number[],
  rounds: boolean,
): Generator<KernelCase> {
  const bytes = weightBytes(packed);
  const numCopies = Math.min(MAX_COPIES, Math.max(1, Math.ceil(workingSetBytes / bytes)));
  const weights = Array.from({ length: numCopies }, () => ops.weight([packed]));
  // Zeros would take less power, and so less time, than numbers do.
  const x = ops.tensor(Math.max(...tokenCounts), inputs, ops.computeType, 'activations');
  ops.write(x, randomValues(random, x.rows * inputs));
  const wide = accumulate || isLmHead;
  const out = ops.tensor(x.rows, outputs, wide ? 'f32' : ops.computeType, 'activations');
  const codes = rounds ? ops.tensor(x.rows, codeWords(inputs), 'u32', 'activations') : null;
  for (const rows of tokenCounts) {
    yield {
      name: `linear ${role}`,
      shape: `${outputs}×${inputs}`,
      tokens: rows,
      bytes: bytes + rows * (rowBytes(x) + rowBytes(out) * (accumulate ? 2 : 1)),
      multiplyAdds: rows * outputs * inputs,
      enqueue: (turn) =>
        ops.linear({ x, weight: weights[turn % numCopies], bias: null, out, rows, accumulate, codes }),
    };
  }
}

/** Rows of an embedding table in one format. */
export function* embedCases<B>(
  { ops, config, random, batch, results, maxTokens }: CaseContext<B>,
  format: WeightFormat,
  tokenCounts: readonly number[],
): Generator<KernelCase> {
  const { vocabSize, hiddenSize } = config;
  const packed = randomPacked(random, format, vocabSize, hiddenSize);
  const table = ops.weight([packed]);
  const out = ops.tensor(maxTokens, hiddenSize, 'f32', 'activations');
  for (const rows of tokenCounts) {
    ops.writeBatch(batch, decodeBatch(batch.capacity, 1, vocabSize, rows));
    yield {
      name: 'embed',
      shape: `${vocabSize}×${hiddenSize}`,
      tokens: rows,
      bytes: rows * (weightBytes(packed) / vocabSize + rowBytes(out)),
      multiplyAdds: null,
      enqueue: () => ops.embed({ batch, previous: results, table, out, rows }),
    };
  }
}
