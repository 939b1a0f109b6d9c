import { fixedPoint } from '#halflight/ops/fixed-point.js';
import { codeWords } from '#halflight/ops/int8.js';
import type { Ops, Rescale, Tensor } from '#halflight/ops/ops.js';
import { scaleAt } from '#halflight/quant/affine.js';
import { BY_TOKEN, type Rounding } from '#halflight/quant/rounding.js';
import { quantizeRtn } from '#halflight/quant/rtn.js';
import type { CodeBits, PackedWeight, WeightFormat } from '#halflight/quant/weight.js';
import type { Case } from './compare.js';
import { filled, poisoned } from './compare.js';
import type { Random } from './random.js';
import { colsFor, randomWeight } from './weights.js';

type Cases = readonly (readonly [string, Case])[];
type Shape = readonly [tokens: number, outputs: number, inputs: number];

/** One token and several, odd tails of outputs and of K, more blocks than a workgroup has lanes. */
const SHAPES: readonly Shape[] = [
  [1, 6, 40],
  [9, 37, 296],
];
const STEP = 2 ** -7;
const ROUNDINGS: Readonly<Record<string, Rounding>> = {
  'by tokens': BY_TOKEN,
  'by one static scale': { scale: STEP, outliers: null },
  'but outliers': { ...BY_TOKEN, outliers: 1.5 },
};

/** Products whose activations are rounded otherwise than by blocks, with what can follow them. */
export function roundingCases(format: string): Cases {
  return Object.entries(ROUNDINGS).flatMap(([name, rounding]) =>
    SHAPES.map((shape, i): [string, Case] => [
      `linear ${format} ${shape.join('×')}, rounded ${name}`,
      roundedCase(format, shape, rounding, i === 1),
    ]),
  );
}

function roundedCase(
  format: string,
  [tokens, outputs, leastInputs]: Shape,
  rounding: Rounding,
  gates: boolean,
): Case {
  const inputs = colsFor(format, leastInputs);
  return (ops, random) => {
    const rows = gates ? 2 * outputs : outputs;
    const weight = ops.weight([randomWeight(random, format, rows, inputs)]);
    const x = withOutliers(ops, random, tokens, inputs);
    const codes = ops.tensor(tokens, codeWords(inputs), 'u32', 'activations');
    const bias = ops.constant(random.values(rows), 1, rows);
    // What is rounded between a product and its gates would differ from the reference: f32 in any case.
    const gated = gates ? ops.tensor(tokens, rows, 'f32', 'activations') : null;
    const out = gates ? poisoned(ops, tokens, outputs, 'f32') : filled(ops, random, tokens, outputs, 'f32');
    const call = { x, weight, bias, out, rows: tokens, codes, rounding, gated, scale: 0.5 };
    ops.linear({ ...call, accumulate: !gates });
    return { out, rows: tokens };
  };
}

/** Outliers of the activations of experts, which are routed to more and to fewer. */
export function expertOutlierCases(format: string): Cases {
  return [1, 17].flatMap((tokens) =>
    (['tokens', 'routes'] as const).map((of): [string, Case] => [
      `experts ${format} of ${tokens} ${of}, but outliers`,
      (ops, random) => {
        const [numExperts, topK, outputs] = [4, 2, 38];
        const inputs = colsFor(format, 40);
        const routing = ops.routing({ maxTokens: tokens, numExperts, topK });
        const logits = filled(ops, random, tokens, numExperts, 'f32');
        ops.route({ logits, routing, rows: tokens, normalized: true, activations: 'int8' });
        const weight = ops.weight([randomWeight(random, format, numExperts * outputs, inputs)], outputs);
        const x = withOutliers(ops, random, of === 'tokens' ? tokens : tokens * topK, inputs);
        const codes = ops.tensor(x.rows, codeWords(inputs), 'u32', 'activations');
        const out = poisoned(ops, tokens * topK, outputs, 'f32');
        const rounding = ROUNDINGS['but outliers'];
        const call = { x, weight, bias: null, out, rows: tokens, codes, rounding };
        ops.linear({ ...call, accumulate: false, experts: { routing, of } });
        return { out, rows: tokens * topK };
      },
    ]),
  );
}

/** Products in integers alone, of weights with so many bits and a scale for each row. Nothing is rounded but as both must: no tolerance. */
export function integerCases(bits: CodeBits): Cases {
  const reader = `int${bits}` as WeightFormat['reader'];
  const format: WeightFormat = { reader, bits, groupSize: null, scaleType: 'f32', zeroPoints: false };
  return SHAPES.map(([tokens, outputs, inputs]): [string, Case] => [
    `linear int${bits} ${tokens}×${outputs}×${inputs} in integers alone`,
    (ops, random) => {
      const packed = quantizeRtn(random.values(outputs * inputs), outputs, inputs, format);
      const weight = ops.weight([packed]);
      const x = withOutliers(ops, random, tokens, inputs);
      const codes = ops.tensor(tokens, codeWords(inputs), 'u32', 'activations');
      const out = filled(ops, random, tokens, outputs, 'f32');
      const rescale = randomRescale(ops, random, packed);
      const rounding = ROUNDINGS['by one static scale'];
      ops.linear({ x, weight, bias: null, out, rows: tokens, accumulate: true, codes, rounding, rescale });
      return { out, rows: tokens, tolerance: { absolute: 0, relative: 0 } };
    },
  ]);
}

/** Some outputs leave the range of their codes, and some multipliers need no shift. */
function randomRescale<B>(ops: Ops<B>, random: Random, packed: PackedWeight): Rescale<B> {
  const { rows } = packed;
  const greatest = 2 ** (packed.format.bits - 1);
  const entries = Array.from({ length: rows }, (_, row) => {
    const { multiplier, shift } = fixedPoint(
      (0.1 + random.below(900) / 1000) / (row % 5 === 0 ? 1 : 4 * greatest),
    );
    const bias = random.below(2000) - 1000;
    return [multiplier, shift, bias >>> 0, new Uint32Array(Float32Array.of(2 ** -(row % 4)).buffer)[0]];
  });
  return {
    table: ops.constant(Uint32Array.from(entries.flat()), rows, 4),
    weightScales: ops.constant(
      Float32Array.from({ length: rows }, (_, row) => scaleAt(packed, row)),
      1,
      rows,
    ),
  };
}

/**
 * Values whose INT8 codes no rounding error can move, as `filledOffTies` for one scale in a row: quarters of 2^−7, a quarter away from a tie at least,
 * and 127 · 2^−7 as the greatest but for a few outliers beyond 1.5. The last row has none of these.
 */
function withOutliers<B>(ops: Ops<B>, random: Random, rows: number, cols: number): Tensor<B> {
  const tensor = ops.tensor(rows, cols, ops.computeType, 'activations');
  const values = Float32Array.from({ length: rows * cols }, (_, i) => {
    const code = i % cols === 0 ? 127 : random.below(253) - 126 + (random.below(3) - 1) / 4;
    return (random.below(2) === 0 ? code : -code) * STEP;
  });
  for (let row = 0; row < Math.max(1, rows - 1); row++) {
    for (let i = 0; i < 3; i++)
      values[row * cols + 1 + random.below(cols - 1)] = (random.below(2) - 0.5) * (4 + random.below(40));
  }
  ops.write(tensor, values);
  return tensor;
}
