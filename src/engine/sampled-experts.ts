import type { WeightSample } from '../model/samples.js';
import type { Ops, Routing, Tensor } from '../ops/ops.js';
import type { LinearProduct } from '../webgpu/autotune.js';
import { type ExpectedOutput, expectedOutputs, type ProductInputs } from './sampled-products.js';

/** A product of tokens with their experts. */
export type ExpertProduct<B> = LinearProduct<B> & {
  readonly experts: { readonly routing: Routing<B>; readonly of: 'tokens' | 'routes' };
};

export function hasExperts<B>(product: LinearProduct<B>): product is ExpertProduct<B> {
  return product.experts !== null && product.experts !== undefined;
}

/** The experts whose rows are sampled take turns at being a token's first: the first of all and the last. */
export function firstExpert({ numExperts }: Pick<Routing<unknown>, 'numExperts'>, token: number): number {
  return token % 2 === 0 ? 0 : numExperts - 1;
}

/** Tokens that meet every expert whose rows are sampled. */
export function leastTokens<B>(product: LinearProduct<B>): number {
  return hasExperts(product) ? 2 : 1;
}

/** Sends tokens to the experts whose rows are sampled. */
export function routeToSampled<B>(
  ops: Ops<B>,
  { experts: { routing }, codes }: ExpertProduct<B>,
  logits: Tensor<B>,
  rows: number,
): void {
  const { numExperts } = routing;
  const values = Float32Array.from({ length: rows * numExperts }, (_, i) => {
    const [token, expert] = [Math.floor(i / numExperts), i % numExperts];
    // Others follow in an order that moves on with the token.
    return expert === firstExpert(routing, token) ? 2 : ((expert + token) % numExperts) / numExperts;
  });
  ops.write(logits, values);
  const activations = codes ? 'int8' : 'float';
  ops.route({ logits, routing, rows, normalized: true, activations });
}

/** Rows of activations, and of results, that a product of so many tokens has. */
export function inputRows<B>({ experts = null }: LinearProduct<B>, tokens: number): number {
  return experts?.of === 'routes' ? tokens * experts.routing.topK : tokens;
}

export function outputRows<B>({ experts = null }: LinearProduct<B>, tokens: number): number {
  return tokens * (experts?.routing.topK ?? 1);
}

/** Outputs of sampled rows. */
export interface SampledOutputs {
  readonly sample: WeightSample;
  /** `token` is the row of the product's results. */
  readonly outputs: readonly ExpectedOutput[];
}

/** As `expectedOutputs`, of each token's first expert, once tokens are routed by `routeToSampled`. */
export async function expectedExpertOutputs<B>(
  ops: Ops<B>,
  product: ExpertProduct<B>,
  sample: WeightSample,
  { numTokens, x }: ProductInputs,
): Promise<readonly SampledOutputs[]> {
  const { routing, of } = product.experts;
  const tokens = Array.from({ length: numTokens }, (_, token) => token);
  const found: SampledOutputs[] = [];
  for (const expert of new Set(tokens.map((token) => firstExpert(routing, token)))) {
    const own = tokens.filter((token) => firstExpert(routing, token) === expert);
    const { cols } = product.x;
    const step = of === 'routes' ? routing.topK : 1;
    const inputs = own.flatMap((token) => [...x.subarray(token * step * cols, (token * step + 1) * cols)]);
    const firstRow = (expert * product.weight.rows) / routing.numExperts;
    const ofExpert = rowsOf(sample, firstRow, product.weight.rows / routing.numExperts);
    const outputs = await expectedOutputs(ops, { ...product, experts: null }, ofExpert, {
      numTokens: own.length,
      x: Float32Array.from(inputs),
      firstRow,
    });
    found.push({
      sample: ofExpert,
      outputs: outputs.map((output) => ({ ...output, token: own[output.token] * routing.topK })),
    });
  }
  return found;
}

function rowsOf({ rows, nameOf }: WeightSample, start: number, count: number): WeightSample {
  const own = [...rows].filter(([row]) => row >= start && row < start + count);
  return {
    rows: new Map(own.map(([row, values]) => [row - start, values])),
    nameOf: (row) => nameOf(start + row),
  };
}
