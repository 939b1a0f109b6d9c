import { codeWords } from '#halflight/ops/int8.js';
import type { ActivationType } from '#halflight/quant/formats.js';
import {
  attentionCases,
  embedCase,
  gatherCases,
  loraCases,
  placedEmbedCase,
  ropeCases,
} from './cases-batch.js';
import {
  addExpertsCases,
  clampedExpertCase,
  expertCases,
  partedExpertCases,
  routeCases,
} from './cases-experts.js';
import { gramCases } from './cases-gram.js';
import { expertOutlierCases, integerCases, roundingCases } from './cases-rounding.js';
import { editCases, logprobsCases, sampleCases } from './cases-sampling.js';
import type { Case } from './compare.js';
import { filled, filledOffTies, poisoned } from './compare.js';
import { colsFor, OTHER_FORMATS, randomWeight, WEIGHT_FORMATS } from './weights.js';

/** Cases by a name that says what they hold. */
export type Cases = readonly (readonly [string, Case])[];

/** Cases of every operation that the GPU must compute as the reference does, with weights in the given formats. */
export function operationCases(formats: readonly string[] = Object.keys(WEIGHT_FORMATS)): Cases {
  return [
    ...normCases(),
    ...addedNormCases(),
    ...activationCases(),
    ...softCapCases(),
    ...gramCases(),
    ...gatherCases(),
    ...loraCases(),
    ...ropeCases(),
    ...attentionCases(),
    ...editCases(),
    ...sampleCases(),
    ...logprobsCases(),
    ...routeCases(),
    ...addExpertsCases(),
    ...formats.flatMap((format) => [embedCase(format), ...linearCases(format), ...expertCases(format)]),
    ...formats
      .filter((format) => format.startsWith('int'))
      .flatMap((format) => [...int8LinearCases(format), ...expertCases(format, 'int8')]),
    ...formats
      .filter((format) => format === 'int4-g32')
      .flatMap((format) => [
        ...fusedCases(format),
        ...scaledCases(format),
        ...orderedCases(format),
        placedEmbedCase(format),
        clampedExpertCase(format),
      ]),
    ...formats.slice(1).map((format) => mixedCase(formats[0], format)),
    ...partedExpertCases(formats[0], formats[1]),
  ];
}

/** Activations that are rounded otherwise than by blocks, with every reader of integers. */
export function otherRoundingCases(): Cases {
  const others = Object.keys(OTHER_FORMATS).filter((format) => format.startsWith('int'));
  return [
    ...['int8', 'int4-g32-asym', ...others].flatMap(roundingsOf),
    ...([8, 2, 3, 4, 5, 6] as const).flatMap(integerCases),
  ];
}

export function roundingsOf(format: string): Cases {
  return [...roundingCases(format), ...expertOutlierCases(format)];
}

/** A few cases of the kernels that read weights, in the formats of the other readers. @param maxTokens of the shapes that are wanted */
export function otherFormatCases(maxTokens = Number.POSITIVE_INFINITY): Cases {
  const shapes = OTHER_SHAPES.filter(([tokens]) => tokens <= maxTokens);
  return Object.keys(OTHER_FORMATS).flatMap((format) => {
    const products = shapes.map((shape, i): [string, Case] => [
      `linear ${format} ${shape.join('×')}`,
      linearCase(format, shape, i % 2 === 1),
    ]);
    const ofCodes = shapes.map((shape, i): [string, Case] => [
      `linear ${format} ${shape.join('×')} of INT8 activations`,
      linearCase(format, shape, i % 2 === 1, 'int8'),
    ]);
    return [embedCase(format), ...products, ...(format.startsWith('int') ? ofCodes : [])];
  });
}

/** Products whose columns are in an order of their own, over parts of one order and of another, without a norm and after one. */
export function orderedCases(format: string): Cases {
  return ([1, 4] as const).map((tokens): [string, Case] => [
    `linear ${format} of ${tokens} tokens, columns in another order`,
    (ops, random) => {
      const inputs = 72;
      const parts = [5, 6, 7].map((rows) => randomWeight(random, format, rows, inputs));
      const orders = [0, 1].map(() => Uint32Array.from(random.permutation(inputs)));
      const columns = [orders[0], orders[0], orders[1]];
      const weight = ops.weight(parts.map((part, i) => ({ ...part, columns: columns[i] })));
      // What is rounded on the way would differ from the reference: f32 in any case.
      const x = filled(ops, random, tokens, inputs, 'f32');
      const ordered = filled(ops, random, tokens, 128, 'f32');
      const room = ops.tensor(tokens, inputs, 'f32', 'activations');
      const norm = { weight: ops.constant(random.values(inputs), 1, inputs), eps: 0.01, out: room };
      const out = poisoned(ops, tokens, weight.rows, 'f32');
      const call = { x, weight, bias: null, out, rows: tokens, accumulate: false, ordered };
      ops.linear({ ...call, norm: tokens === 1 ? null : norm });
      return { out, rows: tokens };
    },
  ]);
}

/** Products of tokens with their experts in these formats. */
export function otherExpertCases(): Cases {
  return Object.keys(OTHER_FORMATS).flatMap((format) => {
    const types = format.startsWith('int') ? (['float', 'int8'] as const) : (['float'] as const);
    return types.flatMap((type) => expertCases(format, type).filter(([name]) => name.includes(' of routes')));
  });
}

/** A few cases of each operation whose kernels have a number of lanes to choose: with these, another number costs seconds and not minutes. */
export function laneCases(): Cases {
  const attention = attentionCases();
  return [
    ...normCases(),
    ...[attention[0], attention[2], ...attention.filter(([name]) => name.includes('299')).slice(0, 1)],
    ...linearCases('int4-g32'),
    ...fusedCases('int4-g32'),
    ...int8LinearCases('int4-g32'),
  ];
}

/** What needs sums or the greatest of a row or a head, in one shape of heads. */
export function reducingCases(): Cases {
  const rope = ropeCases().slice(0, 18);
  return [...normCases(), ...addedNormCases(), ...rope, ...sampleCases(), ...logprobsCases()];
}

/** Products of many tokens: plain, and with all that is done on the way. */
export function panelCases(): Cases {
  const many: Shape = [9, 70, 160];
  return [
    ['linear int4-g32', linearCase('int4-g32', [17, 9, 136], false)],
    ['linear int4-g32 with norm', fusedCase('int4-g32', many, true, false)],
    ['linear q4_k with norm and gates', fusedCase('q4_k', [9, 70, 256], true, true)],
  ];
}

export type Shape = readonly [tokens: number, outputs: number, inputs: number];

/** Every tiling, odd tails of outputs, of tokens and of K, a whole number of groups and not. */
const LINEAR_SHAPES: readonly Shape[] = [
  [1, 1, 32],
  [1, 6, 40],
  [2, 5, 72],
  [3, 37, 288],
  [4, 33, 48],
  [5, 35, 104],
  [9, 70, 160],
  [17, 9, 136],
];

/** Several groups; then as many tokens as the other kernels take. */
const OTHER_SHAPES: readonly Shape[] = [
  [1, 35, 288],
  [4, 6, 72],
  [6, 6, 72],
  [9, 6, 72],
];

const MAX_INPUTS = 288;

/** @param maxTokens of the shapes that are wanted */
export function linearCases(format: string, maxTokens = Number.POSITIVE_INFINITY): Cases {
  return LINEAR_SHAPES.filter(([tokens]) => tokens <= maxTokens).flatMap((shape) =>
    [false, true].map((extras): [string, Case] => [
      `linear ${format} ${shape.join('×')}${extras ? ' with bias, added to the output' : ''}`,
      linearCase(format, shape, extras),
    ]),
  );
}

/** The same products of activations in INT8; the codes of the largest shape's K leave room in a row. */
export function int8LinearCases(format: string, maxTokens = Number.POSITIVE_INFINITY): Cases {
  return LINEAR_SHAPES.filter(([tokens]) => tokens <= maxTokens).map((shape, i) => [
    `linear ${format} ${shape.join('×')} of INT8 activations`,
    linearCase(format, shape, i % 2 === 0, 'int8'),
  ]);
}

export function linearCase(
  format: string,
  [tokens, outputs, leastInputs]: Shape,
  extras: boolean,
  activations: ActivationType = 'float',
): Case {
  const inputs = colsFor(format, leastInputs);
  return (ops, random) => {
    const weight = ops.weight([randomWeight(random, format, outputs, inputs)]);
    const int8 = activations === 'int8';
    const x = int8 ? filledOffTies(ops, random, tokens, inputs) : filled(ops, random, tokens, inputs);
    const codes = int8 ? ops.tensor(tokens, codeWords(MAX_INPUTS), 'u32', 'activations') : null;
    const bias = extras ? ops.constant(random.values(outputs), 1, outputs) : null;
    const out = extras
      ? filled(ops, random, tokens, outputs, 'f32')
      : poisoned(ops, tokens, outputs, ops.computeType);
    ops.linear({ x, weight, bias, out, rows: tokens, accumulate: extras, codes });
    return { out, rows: tokens };
  };
}

/** Even and odd numbers of gates. */
const FUSED_SHAPES: readonly Shape[] = [
  [1, 12, 64],
  [3, 38, 96],
  [9, 70, 160],
];

/** Products that normalise their activations, that gate, and that do both. */
function fusedCases(format: string, maxTokens = Number.POSITIVE_INFINITY): Cases {
  return FUSED_SHAPES.filter(([tokens]) => tokens <= maxTokens).flatMap((shape) =>
    (['norm', 'gates', 'norm and gates'] as const).map((fused): [string, Case] => [
      `linear ${format} ${shape.join('×')} with ${fused}`,
      fusedCase(format, shape, fused.includes('norm'), fused.includes('gates')),
    ]),
  );
}

export function fusedCase(
  format: string,
  [tokens, outputs, inputs]: Shape,
  norms: boolean,
  gates: boolean,
): Case {
  return (ops, random) => {
    const weight = ops.weight([randomWeight(random, format, outputs, inputs)]);
    const x = filled(ops, random, tokens, inputs, 'f32');
    const room = ops.tensor(tokens, inputs, ops.computeType, 'activations');
    const norm = { weight: ops.constant(random.values(inputs), 1, inputs), eps: 0.01, out: room };
    const gated = ops.tensor(tokens, outputs, ops.computeType, 'activations');
    const bias = ops.constant(random.values(outputs), 1, outputs);
    const out = poisoned(ops, tokens, gates ? outputs / 2 : outputs, ops.computeType);
    const fused = { norm: norms ? norm : null, gated: gates ? gated : null };
    ops.linear({ x, weight, bias, out, rows: tokens, accumulate: false, ...fused });
    return { out, rows: tokens };
  };
}

/** As for q, k and v of different formats: one bias and one output over both parts, neither a multiple of a tile. */
export function mixedCase(first: string, second: string): readonly [string, Case] {
  return [
    `linear over rows of ${first}, then of ${second}`,
    (ops, random) => {
      const parts = [randomWeight(random, first, 37, 96), randomWeight(random, second, 22, 96)];
      const weight = ops.weight(parts);
      const x = filled(ops, random, 5, 96);
      const bias = ops.constant(random.values(59), 1, 59);
      const out = poisoned(ops, 5, 59, 'f32');
      ops.linear({ x, weight, bias, out, rows: 5, accumulate: false });
      return { out, rows: 5 };
    },
  ];
}

export function normCases(): Cases {
  return [1, 33, 256, 1030].map((cols): [string, Case] => [
    `rmsNorm of ${cols} columns`,
    (ops, random) => {
      const x = filled(ops, random, 5, cols, 'f32');
      const weight = ops.constant(random.values(cols), 1, cols);
      const out = poisoned(ops, 5, cols, ops.computeType);
      ops.rmsNorm({ x, weight, out, rows: 5, eps: 0.01 });
      return { out, rows: 5 };
    },
  ]);
}

/** An RMSNorm that is scaled and added, and LayerNorms. */
function addedNormCases(): Cases {
  return [1, 33, 256].flatMap((cols): [string, Case][] => [
    [
      `rmsNorm of ${cols} columns, added to the output`,
      (ops, random) => {
        const x = filled(ops, random, 5, cols, 'f32');
        const weight = ops.constant(random.values(cols), 1, cols);
        const out = filled(ops, random, 5, cols, 'f32');
        ops.rmsNorm({ x, weight, out, rows: 5, eps: 0.01, scale: 0.25 });
        return { out, rows: 5 };
      },
    ],
    [
      `layerNorm of ${cols} columns`,
      (ops, random) => {
        const x = filled(ops, random, 5, cols, 'f32');
        const [weight, bias] = [0, 1].map(() => ops.constant(random.values(cols), 1, cols));
        const out = poisoned(ops, 5, cols, ops.computeType);
        ops.layerNorm({ x, weight, bias, out, rows: 5, eps: 0.01 });
        return { out, rows: 5 };
      },
    ],
  ]);
}

/** Products that are scaled: gated by GELU, and after LayerNorm activated without gates. Each way to cut them costs a compilation, so few are. */
function scaledCases(format: string): Cases {
  const call = { bias: null, accumulate: false, scale: 0.5 };
  return [FUSED_SHAPES[0], FUSED_SHAPES[2]].flatMap(([tokens, outputs, inputs]) =>
    (['gelu', 'gelu_tanh'] as const).map((activation): [string, Case] => [
      `linear ${format} ${tokens}×${outputs}×${inputs}, scaled, through ${activation}`,
      (ops, random) => {
        const gates = activation === 'gelu_tanh';
        const weight = ops.weight([randomWeight(random, format, outputs, inputs)]);
        const x = filled(ops, random, tokens, inputs, 'f32');
        const vector = () => ops.constant(random.values(inputs), 1, inputs);
        // What is rounded on the way, where operations follow one another, would differ from the reference: f32 in any case.
        const type = gates ? ops.computeType : 'f32';
        const normed = ops.tensor(tokens, inputs, type, 'activations');
        const norm = { weight: vector(), bias: vector(), eps: 0.01, out: normed };
        const gated = ops.tensor(tokens, outputs, type, 'activations');
        const out = poisoned(ops, tokens, gates ? outputs / 2 : outputs, type);
        ops.linear({ ...call, x, weight, out, rows: tokens, norm: gates ? null : norm, gated, activation });
        return { out, rows: tokens };
      },
    ]),
  );
}

function activationCases(): Cases {
  return (['silu', 'gelu', 'gelu_tanh', 'clamped_swish'] as const).flatMap((activation) =>
    [1, 96, 130].flatMap((cols) =>
      [1, 2].map((halves): [string, Case] => [
        `activate by ${activation} ${halves} · ${cols} columns`,
        (ops, random) => {
          const x = filled(ops, random, 3, halves * cols);
          const out = poisoned(ops, 3, cols, ops.computeType);
          ops.activate({ x, out, rows: 3, activation });
          return { out, rows: 3 };
        },
      ]),
    ),
  );
}

function softCapCases(): Cases {
  return [0.25, 30].map((cap): [string, Case] => [
    `softCap at ${cap}`,
    (ops, random) => {
      const x = filled(ops, random, 3, 130, 'f32');
      ops.softCap({ x, rows: 3, cap });
      return { out: x, rows: 3 };
    },
  ]);
}
