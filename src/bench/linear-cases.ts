import type { ModelConfig } from '../model/config.js';
import { codeWords } from '../ops/int8.js';
import type { Ops, RoutingShape } from '../ops/ops.js';
import type { ActivationType } from '../quant/formats.js';
import { type PackedWeight, type WeightFormat, weightBytes } from '../quant/weight.js';
import { decodeBatch, MAX_LOGITS_ROWS } from './kernel-batches.js';
import { type CaseContext, type KernelCase, rowBytes } from './kernel-case.js';
import { type RandomWords, randomPacked, randomValues } from './random-weights.js';

/** Copies of a weight at most: a small one is served from caches in a whole model too. */
const MAX_COPIES = 32;

interface LinearShape {
  readonly role: string;
  readonly outputs: number;
  readonly inputs: number;
  /** Adds to the residual stream in f32. */
  readonly accumulate: boolean;
  readonly isLmHead: boolean;
  /** Of so many experts each token goes through some. */
  readonly experts: ExpertShape | null;
}

interface ExpertShape extends Pick<RoutingShape, 'numExperts' | 'topK'> {
  /** Rows of activations are those of tokens, or of their routes. */
  readonly of: 'tokens' | 'routes';
}

/** The matrix products of a model, as its layers stack them; of layers with experts, where there are any. */
export function linearShapes(config: ModelConfig): readonly LinearShape[] {
  const { hiddenSize, vocabSize, numHeads, numKvHeads, headDim, experts } = config;
  const size = experts?.intermediateSize ?? config.intermediateSize;
  const ofExperts = (of: ExpertShape['of']) => (experts === null ? null : { ...experts, of });
  const product = (role: string, outputs: number, inputs: number, flags: Partial<LinearShape> = {}) => ({
    role,
    outputs,
    inputs,
    accumulate: false,
    isLmHead: false,
    experts: null,
    ...flags,
  });
  return [
    product('qkv', (numHeads + 2 * numKvHeads) * headDim, hiddenSize),
    product('o', hiddenSize, numHeads * headDim, { accumulate: true }),
    product('gate_up', 2 * size, hiddenSize, { experts: ofExperts('tokens') }),
    product('down', hiddenSize, size, { accumulate: experts === null, experts: ofExperts('routes') }),
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
    const rows = shape.outputs * (shape.experts?.numExperts ?? 1);
    const packed = randomPacked(context.random, format, rows, shape.inputs);
    yield* productCases(context, shape, packed, counts, activations === 'int8' && !shape.isLmHead);
  }
}

function* productCases<B>(
  { ops, random, workingSetBytes }: CaseContext<B>,
  { role, outputs, inputs, accumulate, isLmHead, experts: shape }: LinearShape,
  packed: PackedWeight,
  tokenCounts: readonly number[],
  rounds: boolean,
): Generator<KernelCase> {
  const bytes = weightBytes(packed);
  const numCopies = Math.min(MAX_COPIES, Math.max(1, Math.ceil(workingSetBytes / bytes)));
  const weights = Array.from({ length: numCopies }, () => ops.weight([packed]));
  // Zeros would take less power, and so less time, than numbers do.
  const maxTokens = Math.max(...tokenCounts);
  const routes = shape?.topK ?? 1;
  const perToken = shape?.of === 'routes' ? routes : 1;
  const x = ops.tensor(maxTokens * perToken, inputs, ops.computeType, 'activations');
  ops.write(x, randomValues(random, x.rows * inputs));
  const wide = accumulate || isLmHead || shape?.of === 'routes';
  const out = ops.tensor(maxTokens * routes, outputs, wide ? 'f32' : ops.computeType, 'activations');
  const codes = rounds ? ops.tensor(x.rows, codeWords(inputs), 'u32', 'activations') : null;
  const routed = shape === null ? null : routedAtRandom(ops, random, shape, maxTokens);
  const experts = shape === null || routed === null ? null : { routing: routed.routing, of: shape.of };
  for (const rows of tokenCounts) {
    const touched = bytes * (shape === null ? 1 : activeShare(shape, rows));
    yield {
      name: `linear ${role}${shape === null ? '' : ' of experts'}`,
      shape: `${outputs}×${inputs}`,
      tokens: rows,
      bytes: touched + rows * (perToken * rowBytes(x) + routes * rowBytes(out) * (accumulate ? 2 : 1)),
      multiplyAdds: rows * routes * outputs * inputs,
      enqueue: (turn) => {
        routed?.route(rows, rounds ? 'int8' : 'float');
        const weight = weights[turn % numCopies];
        ops.linear({ x, weight, bias: null, out, rows, accumulate, codes, experts });
      },
    };
  }
}

/** The share of the experts that so many tokens go to, where every expert is as likely as any other. */
export function activeShare(
  { numExperts, topK }: Pick<RoutingShape, 'numExperts' | 'topK'>,
  tokens: number,
): number {
  return 1 - (1 - topK / numExperts) ** tokens;
}

/** Routes by random logits. They are chosen anew in each run, for the order depends on the number of tokens. */
function routedAtRandom<B>(
  ops: Ops<B>,
  random: RandomWords,
  { numExperts, topK }: ExpertShape,
  maxTokens: number,
) {
  const routing = ops.routing({ maxTokens, numExperts, topK });
  const logits = ops.tensor(maxTokens, numExperts, 'f32', 'activations');
  ops.write(logits, randomValues(random, maxTokens * numExperts));
  const route = (rows: number, activations: ActivationType) =>
    ops.route({ logits, routing, rows, normalized: true, activations });
  return { routing, route };
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
