import type { Activation } from '#halflight/ops/ops.js';
import { type Cases, linearCase, mixedCase, type Shape } from './cases.js';
import { type Case, filled, poisoned } from './compare.js';
import { colsFor, randomWeight, WEIGHT_FORMATS } from './weights.js';

/** More and fewer tokens and outputs than `linear_gemm` has in a tile, exactly as many, and a bias and an output over two parts. */
const GEMM_SHAPES: readonly Shape[] = [
  [1, 6, 40],
  [9, 70, 160],
  [64, 64, 64],
  [67, 131, 104],
  // Long enough that workgroups share K where they are few.
  [20, 70, 1060],
  [33, 9, 1060],
];

export function gemmCases(format: string): Cases {
  const products = GEMM_SHAPES.map((shape, i): [string, Case] => [
    `linear ${format} ${shape.join('×')}${i % 2 === 1 ? ' with bias, added to the output' : ''}`,
    linearCase(format, shape, i % 2 === 1),
  ]);
  return [...products, mixedCase(format, 'f16')];
}

/** Even and odd numbers of gates, fewer and more than half a tile, in one part of K and over several. */
const GATED_SHAPES: readonly Shape[] = [
  [5, 14, 72],
  [67, 150, 104],
  [20, 70, 1060],
];

/** Products that gate on the way, of activations in the compute type. */
export function gatedGemmCases(format: string): Cases {
  return GATED_SHAPES.flatMap((shape) =>
    (['silu', 'clamped_swish'] as const).map((activation): [string, Case] => [
      `linear ${format} ${shape.join('×')}, gated by ${activation}`,
      gatedCase(format, shape, activation),
    ]),
  );
}

function gatedCase(format: string, [tokens, outputs, leastInputs]: Shape, activation: Activation): Case {
  const inputs = colsFor(format, leastInputs);
  return (ops, random) => {
    const weight = ops.weight([randomWeight(random, format, outputs, inputs)]);
    const x = filled(ops, random, tokens, inputs);
    const bias = ops.constant(random.values(outputs), 1, outputs);
    const gated = ops.tensor(tokens, outputs, 'f32', 'activations');
    const out = poisoned(ops, tokens, outputs / 2, 'f32');
    // Small, so that a weight's rounding is not multiplied by another output of some hundreds.
    const call = { bias, accumulate: false, scale: 1 / 64, activation };
    ops.linear({ ...call, x, weight, out, gated, rows: tokens });
    return { out, rows: tokens };
  };
}

/** Scales that f16 holds with few bits or as its least values: products with codes are exact in it nonetheless, or rounded once. */
export function tinyScaleCase(format: string): readonly [string, Case] {
  return [
    `linear ${format} with scales below 2⁻¹⁴`,
    (ops, random) => {
      const values = random.values(20 * 96).map((value) => value * 2e-6);
      const weight = ops.weight([WEIGHT_FORMATS[format](values, 20, 96)]);
      const x = filled(ops, random, 9, 96);
      const out = poisoned(ops, 9, 20, 'f32');
      ops.linear({ x, weight, bias: null, out, rows: 9, accumulate: false, scale: 2 ** 19 });
      return { out, rows: 9 };
    },
  ];
}
