import { CpuOps } from '#halflight/ops/cpu.js';
import type { Ops, Tensor } from '#halflight/ops/ops.js';
import { Random } from './random.js';

/** A case: what to run on a backend, with inputs drawn from `random`. Returns the result, poisoned before the operation ran. */
export type Case = <B>(ops: Ops<B>, random: Random) => { out: Tensor<B>; rows: number };

export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** Runs a case on the CPU reference and on `ops`. Returns the first place where they differ by more than the tolerance, or null. */
export async function compareWithReference<B>(
  ops: Ops<B>,
  run: Case,
  tolerance: Tolerance,
  seed = 1,
): Promise<string | null> {
  const reference = new CpuOps();
  const expected = run(reference, new Random(seed));
  const got = run(ops, new Random(seed));
  return firstDifference(
    await ops.read(got.out, got.rows),
    await reference.read(expected.out, expected.rows),
    tolerance,
  );
}

export function firstDifference(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  { absolute, relative }: Tolerance,
): string | null {
  if (got.length !== expected.length) return `${got.length} values instead of ${expected.length}`;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(got[i] - expected[i]);
    if (!(difference <= absolute + relative * Math.abs(expected[i]))) {
      return `value ${i} of ${got.length}: ${got[i]} instead of ${expected[i]}`;
    }
  }
  return null;
}

/** A tensor that holds values which no operation may leave behind. */
export function poisoned<B>(ops: Ops<B>, rows: number, cols: number, type: 'f32' | 'f16' | 'u32'): Tensor<B> {
  const tensor = ops.tensor(rows, cols, type, 'activations');
  ops.write(tensor, new Float32Array(rows * cols).fill(type === 'u32' ? 12345 : Number.NaN));
  return tensor;
}

/** A tensor of random values. */
export function filled<B>(
  ops: Ops<B>,
  random: Random,
  rows: number,
  cols: number,
  type: 'f32' | 'f16' = ops.computeType,
): Tensor<B> {
  const tensor = ops.tensor(rows, cols, type, 'activations');
  ops.write(tensor, random.values(rows * cols));
  return tensor;
}
