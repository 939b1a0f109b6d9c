import type { Case } from './compare.js';
import { filled } from './compare.js';

/** Tokens, columns, the first row of the sums, and how many: odd tails, one tile, a band that the diagonal crosses, and its end. */
const SHAPES = [
  [1, 1, 0, 1],
  [17, 40, 0, 40],
  [33, 130, 35, 50],
  [16, 96, 64, 32],
] as const;

export function gramCases(): readonly (readonly [string, Case])[] {
  return SHAPES.map(([tokens, cols, first, count]): [string, Case] => [
    `gram of ${tokens}×${cols}, rows ${first} … ${first + count - 1}`,
    (ops, random) => {
      const x = filled(ops, random, tokens, cols);
      const out = filled(ops, random, count, cols, 'f32');
      ops.gram({ x, rows: tokens, out, first, count });
      return { out, rows: count };
    },
  ]);
}
