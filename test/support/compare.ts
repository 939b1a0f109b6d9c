import { CpuOps } from '#halflight/ops/cpu.js';
import type { Ops, Tensor } from '#halflight/ops/ops.js';
import { Random } from './random.js';

/** What a case computed: the first `rows` rows of a tensor that has more, poisoned before the operation ran. */
export interface Outcome<B> {
  readonly out: Tensor<B>;
  readonly rows: number;
  /** In place of the usual one. */
  readonly tolerance?: Tolerance;
  /** The words of a u32 tensor as numbers that can be compared; absent where they are such. */
  readonly decode?: (words: Uint32Array<ArrayBuffer>) => readonly number[];
}

/** A case: what to run on a backend, with inputs drawn from `random`. */
export type Case = <B>(ops: Ops<B>, random: Random) => Outcome<B>;

/** Rows that a result has beyond those that an operation may write. */
const SPARE_ROWS = 2;

export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/**
 * Runs a case on the CPU reference and on `ops`. Returns the first place where they differ by more than the tolerance, or null.
 * Padding and the rows beyond are compared too: there both must have left zeros and poison.
 */
export async function compareWithReference<B>(
  ops: Ops<B>,
  run: Case,
  tolerance: Tolerance,
  seed = 1,
): Promise<string | null> {
  return compareBackends(new CpuOps(), ops, run, tolerance, seed);
}

/** The same of any two backends. */
export async function compareBackends<A, B>(
  reference: Ops<A>,
  ops: Ops<B>,
  run: Case,
  tolerance: Tolerance,
  seed = 1,
): Promise<string | null> {
  const expected = run(reference, new Random(seed));
  const got = run(ops, new Random(seed));
  const live = await readAll(reference, { ...expected, out: { ...expected.out, rows: expected.rows } });
  if (live.includes(Number.NaN)) return 'the reference has left poison';
  return firstDifference(
    await readAll(ops, padded(got)),
    await readAll(reference, padded(expected)),
    got.tolerance ?? tolerance,
  );
}

function padded<B>(outcome: Outcome<B>): Outcome<B> {
  return { ...outcome, out: { ...outcome.out, cols: outcome.out.stride } };
}

async function readAll<B>(ops: Ops<B>, { out, decode = Array.from }: Outcome<B>): Promise<readonly number[]> {
  if (out.type === 'u32') return decode((await ops.readWords(out, out.rows)).words);
  return [...(await ops.read(out, out.rows))];
}

/** NaN equals NaN and nothing else. */
export function firstDifference(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  { absolute, relative }: Tolerance,
): string | null {
  if (got.length !== expected.length) return `${got.length} values instead of ${expected.length}`;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(got[i] - expected[i]);
    if (Number.isNaN(got[i]) && Number.isNaN(expected[i])) continue;
    if (!(difference <= absolute + relative * Math.abs(expected[i]))) {
      return `value ${i} of ${got.length}: ${got[i]} instead of ${expected[i]}`;
    }
  }
  return null;
}

/** A result of `rows` rows and the spare ones, full of values that no operation may leave behind. */
export function poisoned<B>(ops: Ops<B>, rows: number, cols: number, type: 'f32' | 'f16' | 'u32'): Tensor<B> {
  const tensor = ops.tensor(rows + SPARE_ROWS, cols, type, 'activations');
  ops.write(tensor, new Float32Array(tensor.rows * cols).fill(type === 'u32' ? 12345 : Number.NaN));
  return tensor;
}

/** A tensor of random values, with the spare rows of a result. */
export function filled<B>(
  ops: Ops<B>,
  random: Random,
  rows: number,
  cols: number,
  type: 'f32' | 'f16' = ops.computeType,
): Tensor<B> {
  const tensor = ops.tensor(rows + SPARE_ROWS, cols, type, 'activations');
  ops.write(tensor, random.values(tensor.rows * cols));
  return tensor;
}

/**
 * As `filled`, with values whose INT8 codes no rounding error can move: each block of 32 holds quarters of a power of two, a quarter
 * away from a tie at least, and 127 of it as the greatest. So both backends multiply the same integers.
 */
export function filledOffTies<B>(ops: Ops<B>, random: Random, rows: number, cols: number): Tensor<B> {
  const tensor = ops.tensor(rows + SPARE_ROWS, cols, ops.computeType, 'activations');
  const values = Float32Array.from({ length: tensor.rows * cols }, (_, i) => {
    const inBlock = (i % cols) % 32;
    const code = inBlock === 0 ? 127 : random.below(253) - 126 + (random.below(3) - 1) / 4;
    const block = Math.floor((i % cols) / 32);
    return (random.below(2) === 0 ? code : -code) / 2 ** (7 + (block % 3));
  });
  // A block of zeros has no scale to divide by.
  values.fill(0, 0, Math.min(32, cols));
  ops.write(tensor, values);
  return tensor;
}
