import { codeWords } from '#halflight/ops/int8.js';
import type { Activation, Ops, Routing, Tensor } from '#halflight/ops/ops.js';
import type { ActivationType } from '#halflight/quant/formats.js';
import type { Case } from './compare.js';
import { filled, filledOffTies, poisoned } from './compare.js';
import type { Random } from './random.js';
import { colsFor, randomWeight } from './weights.js';

type Cases = readonly (readonly [string, Case])[];

interface Shape {
  readonly tokens: number;
  readonly numExperts: number;
  readonly topK: number;
}

/** Fewer and more experts than lanes, one of one, all of all. */
const ROUTED: readonly Shape[] = [
  { tokens: 1, numExperts: 4, topK: 2 },
  { tokens: 5, numExperts: 128, topK: 8 },
  { tokens: 3, numExperts: 1, topK: 1 },
  { tokens: 7, numExperts: 5, topK: 5 },
];

/** The chosen experts, and their weights by both softmaxes. Logits are quarters, so that some are equal. */
export function routeCases(): Cases {
  return ROUTED.flatMap((shape) =>
    ([true, false] as const).flatMap((normalized) =>
      (['experts', 'weights'] as const).map((part): [string, Case] => [
        `route ${JSON.stringify(shape)}, ${normalized ? 'normalized' : 'of all'}, ${part}`,
        (ops, random) => {
          const { tokens, numExperts, topK } = shape;
          const routing = ops.routing({ maxTokens: tokens + 2, numExperts, topK });
          const logits = filled(ops, random, tokens, numExperts, 'f32');
          ops.write(
            logits,
            random.values(tokens * numExperts).map((v) => Math.round(16 * v) / 4),
          );
          ops.route({ logits, routing, rows: tokens, normalized, activations: 'float' });
          return { out: routing[part], rows: tokens };
        },
      ]),
    ),
  );
}

export function addExpertsCases(): Cases {
  return [
    [
      'addExperts of three experts',
      (ops, random) => {
        const routing = routed(ops, random, { tokens: 4, numExperts: 6, topK: 3 });
        const x = filled(ops, random, 12, 70, 'f32');
        const out = filled(ops, random, 4, 70, 'f32');
        ops.addExperts({ x, routing, out, rows: 4, scale: 0.5 });
        return { out, rows: 4 };
      },
    ],
  ];
}

interface Product extends Shape {
  readonly outputs: number;
  readonly inputs: number;
}

/** Every size of tile, with and without routes of each expert, odd tails of outputs and of K. */
const PRODUCTS: readonly Product[] = [
  { tokens: 1, numExperts: 4, topK: 2, outputs: 12, inputs: 64 },
  { tokens: 6, numExperts: 5, topK: 2, outputs: 38, inputs: 40 },
  { tokens: 17, numExperts: 4, topK: 3, outputs: 70, inputs: 104 },
];

/** @param activations INT8 for integer formats */
export function expertCases(format: string, activations: ActivationType = 'float'): Cases {
  return PRODUCTS.flatMap((product) =>
    (['tokens', 'routes'] as const).map((of): [string, Case] => [
      `experts ${format} ${JSON.stringify(product)} of ${of}${activations === 'int8' ? ' in INT8' : ''}`,
      productCase(product, [format], { of, activations, gated: of === 'tokens' ? 'silu' : null }),
    ]),
  );
}

/** Experts whose rows lie in two parts, gates apart from what they gate, and the activation that clamps. */
export function partedExpertCases(first: string, second: string): Cases {
  return (['silu', 'clamped_swish', null] as const).map((gated): [string, Case] => [
    `experts over rows of ${first}, then of ${second}, ${gated}`,
    productCase(PRODUCTS[1], [first, second], { of: 'tokens', activations: 'float', gated }),
  ]);
}

export function clampedExpertCase(format: string): readonly [string, Case] {
  const options = { of: 'tokens', activations: 'float', gated: 'clamped_swish' } as const;
  return [`experts ${format} through clamped_swish`, productCase(PRODUCTS[0], [format], options)];
}

interface Options {
  readonly of: 'tokens' | 'routes';
  readonly activations: ActivationType;
  readonly gated: Activation | null;
}

function productCase(
  { outputs, inputs: leastInputs, ...shape }: Product,
  formats: readonly string[],
  { of, activations, gated: activation }: Options,
): Case {
  const inputs = Math.max(...formats.map((format) => colsFor(format, leastInputs)));
  return (ops, random) => {
    const { tokens: rows, numExperts, topK } = shape;
    const routing = routed(ops, random, shape, activations);
    // The first part ends amid an expert.
    const half = formats.length === 1 ? numExperts * outputs : outputs + 3;
    const sizes = [half, numExperts * outputs - half].slice(0, formats.length);
    const weight = ops.weight(
      sizes.map((size, i) => randomWeight(random, formats[i], size, inputs)),
      outputs,
    );
    const int8 = activations === 'int8';
    const xRows = of === 'tokens' ? rows : rows * topK;
    const x = int8 ? filledOffTies(ops, random, xRows, inputs) : filled(ops, random, xRows, inputs);
    const codes = int8 ? ops.tensor(xRows, codeWords(inputs), 'u32', 'activations') : null;
    const bias = ops.constant(random.values(numExperts * outputs), 1, numExperts * outputs);
    const gated = activation === null ? null : ops.tensor(rows * topK, outputs, 'f32', 'activations');
    const out = poisoned(ops, rows * topK, activation === null ? outputs : outputs / 2, 'f32');
    const call = { accumulate: false, experts: { routing, of }, activation: activation ?? undefined };
    ops.linear({ ...call, x, weight, bias, out, rows, codes, gated });
    return { out, rows: rows * topK };
  };
}

/** A routing by random logits. */
function routed<B>(
  ops: Ops<B>,
  random: Random,
  { tokens, numExperts, topK }: Shape,
  activations: ActivationType = 'float',
): Routing<B> {
  const routing = ops.routing({ maxTokens: tokens + 1, numExperts, topK });
  const logits: Tensor<B> = filled(ops, random, tokens, numExperts, 'f32');
  ops.route({ logits, routing, rows: tokens, normalized: true, activations });
  return routing;
}
