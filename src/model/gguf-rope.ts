import type { Fields } from '../checkpoint/fields.js';
import type { Llama3Scaling } from './config.js';
import type { GgufNames } from './gguf-keys.js';
import { plainNumber } from './gguf-number.js';
import { llama3Kept } from './rope.js';

const POSITIVE = { min: Number.MIN_VALUE, max: 1e15 };
const DEFAULT_THETA = 10_000;
/** What every Llama 3 has; the length and the factor follow from the divisors. */
const LLAMA3 = { low_freq_factor: 1, high_freq_factor: 4 };
/** The divisors are f32, computed from frequencies that converters round to f32 too. */
const TOLERANCE = 1e-5;

/** Tensors of divisors of the rotation's frequencies: Llama 3's; and LongRoPE's for short texts and for long ones. */
export const ROPE_TENSORS = {
  all: 'rope_freqs.weight',
  short: 'rope_factors_short.weight',
  long: 'rope_factors_long.weight',
} as const;

/** `[rotaryDim / 2]` each; null where the file has none. */
export type RopeDivisors = Readonly<Record<keyof typeof ROPE_TENSORS, Float32Array | null>>;

/**
 * The rotation's scaling and its share of each head, as config.json has them. Divisors of `rope_freqs` must be those of Llama 3's scaling,
 * which then takes their place. @param presets of the scaling, where no key says otherwise
 * Throws CheckpointError for divisors of another kind.
 */
export function ropeKeys(
  metadata: Fields,
  names: GgufNames,
  headDim: number,
  divisors: RopeDivisors,
  presets: object = {},
): object {
  const { rope_theta: base, rope_scaling: scaling, partial_rotary_factor: dimensions } = names;
  const theta = metadata.number(base, POSITIVE, DEFAULT_THETA);
  const rotaryDim = metadata.integer(dimensions, { min: 1, max: headDim }, headDim);
  const given = scalingKeys(metadata, scaling);
  const type = metadata.string(`${scaling}.type`, 'none');
  const named = type === 'none' ? null : { ...presets, ...given, rope_type: type };
  return {
    [dimensions]: shareOf(rotaryDim, headDim),
    [scaling]: longRope(given, divisors) ?? named ?? llama3(metadata, theta, rotaryDim, divisors.all),
  };
}

/** A share that gives the dimensions back when their product is rounded down. */
function shareOf(dim: number, of: number): number {
  const share = dim / of;
  return Math.floor(share * of) === dim ? share : (dim + 0.5) / of;
}

/** Keys below `rope.scaling`, and their names in config.json. */
const SCALING: ReadonlyMap<string, string> = new Map([
  ['factor', 'factor'],
  ['original_context_length', 'original_max_position_embeddings'],
  ['attn_factor', 'attention_factor'],
  ['yarn_attn_factor', 'attention_factor'],
  ['yarn_beta_fast', 'beta_fast'],
  ['yarn_beta_slow', 'beta_slow'],
  ['yarn_truncate', 'truncate'],
]);

/** Files tell LongRoPE by its divisors; older ones do not name it. */
function longRope(given: object, { short, long }: RopeDivisors): object | null {
  if (short === null || long === null) return null;
  const factors = { short_factor: Array.from(short), long_factor: Array.from(long) };
  return { ...given, rope_type: 'longrope', ...factors };
}

/** Throws CheckpointError for a key that is not known. */
function scalingKeys(metadata: Fields, prefix: string): object {
  const keys = metadata.keys().filter((key) => key.startsWith(`${prefix}.`));
  const entries = keys.flatMap((key): [string, unknown][] => {
    const name = key.slice(prefix.length + 1);
    const known = SCALING.get(name);
    if (known !== undefined) return [[known, plainNumber(metadata.raw(key))]];
    if (name === 'type' || name === 'finetuned') return [];
    throw metadata.error(key, 'not understood, and it may change the result');
  });
  return Object.fromEntries(entries);
}

function llama3(metadata: Fields, theta: number, dim: number, divisors: Float32Array | null): object | null {
  if (divisors === null || divisors.every((divisor) => divisor === 1)) return null;
  const frequencies = Array.from(divisors, (_, i) => theta ** ((-2 * i) / dim));
  const factor = divisors.reduce((max, value) => Math.max(max, value), 1);
  const length = originalLength(frequencies, divisors, factor);
  const { low_freq_factor: lowFreqFactor, high_freq_factor: highFreqFactor } = LLAMA3;
  const rope = { factor, lowFreqFactor, highFreqFactor, originalMaxPositions: length };
  const isLlama3 = (divisor: number, i: number) =>
    Math.abs(divisor / llama3Divisor(rope, frequencies[i]) - 1) <= TOLERANCE;
  if (length > 0 && divisors.length === dim / 2 && divisors.every(isLlama3)) {
    return { rope_type: 'llama3', factor, ...LLAMA3, original_max_position_embeddings: length };
  }
  throw metadata.error('rope_freqs.weight', 'not the divisors of Llama 3, and no others are read');
}

/** Positions of the first training, from a frequency that is neither kept nor divided by the whole factor; 0 where there is none. */
function originalLength(frequencies: readonly number[], divisors: Float32Array, factor: number): number {
  const { low_freq_factor: low, high_freq_factor: high } = LLAMA3;
  const i = divisors.findIndex((divisor) => divisor > 1 && divisor < factor);
  if (i === -1) return 0;
  const kept = (1 / divisors[i] - 1 / factor) / (1 - 1 / factor);
  return Math.round((2 * Math.PI * (low + kept * (high - low))) / frequencies[i]);
}

/** By what Llama 3's scaling divides a frequency; see `Llama3Rope`. */
export function llama3Divisor(rope: Llama3Scaling, frequency: number): number {
  const kept = llama3Kept(rope, frequency);
  return 1 / ((1 - kept) / rope.factor + kept);
}
