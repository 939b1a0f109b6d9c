import { batchCases } from './cases-batch.js';
import type { Case } from './compare.js';
import { filled, poisoned } from './compare.js';
import { randomWeight, WEIGHT_FORMATS } from './weights.js';

/** Cases of every operation that the GPU must compute as the reference does. Keys say what they hold. */
export function operationCases(): Map<string, Case> {
  const cases = new Map<string, Case>([...normCases(), ...activationCases(), ...batchCases()]);
  for (const format of Object.keys(WEIGHT_FORMATS)) {
    for (const [name, run] of linearCases(format)) cases.set(name, run);
  }
  return cases;
}

/** [tokens, outputs, inputs]: one of each, odd tails of outputs and of K, both tilings, a whole number of groups and not. */
const LINEAR_SHAPES = [
  [1, 1, 32],
  [1, 6, 40],
  [3, 37, 288],
  [4, 33, 48],
  [9, 70, 160],
] as const;

function linearCases(format: string): [string, Case][] {
  return LINEAR_SHAPES.flatMap((shape) =>
    [false, true].map((extras): [string, Case] => [
      `linear ${format} ${shape.join('×')}${extras ? ' with bias, added to the output' : ''}`,
      linearCase(format, shape, extras),
    ]),
  );
}

function linearCase(
  format: string,
  [tokens, outputs, inputs]: readonly [number, number, number],
  extras: boolean,
): Case {
  return (ops, random) => {
    const weight = ops.weight([randomWeight(random, format, outputs, inputs)]);
    const x = filled(ops, random, tokens, inputs);
    const bias = extras ? ops.constant(random.values(outputs), 1, outputs) : null;
    const out = extras
      ? filled(ops, random, tokens, outputs, 'f32')
      : poisoned(ops, tokens, outputs, ops.computeType);
    ops.linear({ x, weight, bias, out, rows: tokens, accumulate: extras });
    return { out, rows: tokens };
  };
}

function normCases(): [string, Case][] {
  return [1, 33, 256].map((cols): [string, Case] => [
    `rmsNorm of ${cols} columns`,
    (ops, random) => {
      const x = filled(ops, random, 5, cols, 'f32');
      const weight = ops.constant(random.values(cols), 1, cols);
      const out = poisoned(ops, 5, cols, ops.computeType);
      ops.rmsNorm({ x, weight, out, rows: 5, eps: 1e-5 });
      return { out, rows: 5 };
    },
  ]);
}

function activationCases(): [string, Case][] {
  return [1, 96, 130].map((cols): [string, Case] => [
    `siluMultiply to ${cols} columns`,
    (ops, random) => {
      const gateUp = filled(ops, random, 3, 2 * cols);
      const out = poisoned(ops, 3, cols, ops.computeType);
      ops.siluMultiply({ gateUp, out, rows: 3 });
      return { out, rows: 3 };
    },
  ]);
}
