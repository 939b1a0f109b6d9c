import type { Fields } from '../checkpoint/fields.js';

const POSITIVE = { min: Number.MIN_VALUE, max: 1e15 };
const DEFAULT_THETA = 10_000;
/** What every Llama 3 has; the length and the factor follow from the divisors. */
const LLAMA3 = { low_freq_factor: 1, high_freq_factor: 4 };
/** The divisors are f32, computed from frequencies that converters round to f32 too. */
const TOLERANCE = 1e-5;

/**
 * The rotation's keys of config.json. Divisors of frequencies must be those of Llama 3's scaling, which then takes their place.
 * @param factors `[rotaryDim / 2]` divisors; null where the file has none
 * Throws CheckpointError for divisors of another kind.
 */
export function ropeRecord(
  metadata: Fields,
  architecture: string,
  headDim: number,
  factors: Float32Array | null,
): object {
  const key = (name: string) => `${architecture}.rope.${name}`;
  const theta = metadata.number(key('freq_base'), POSITIVE, DEFAULT_THETA);
  const rotaryDim = metadata.integer(key('dimension_count'), { min: 1, max: headDim }, headDim);
  return {
    rope_theta: theta,
    ...(rotaryDim === headDim ? {} : { partial_rotary_factor: rotaryDim / headDim }),
    rope_scaling: scaling(metadata, key) ?? llama3(metadata, theta, rotaryDim, factors),
  };
}

/** The kinds of scaling that metadata names, under the names of config.json; null for none. */
function scaling(metadata: Fields, key: (name: string) => string): object | null {
  const type = metadata.string(key('scaling.type'), 'none');
  if (type === 'none') return null;
  return {
    rope_type: type,
    factor: metadata.raw(key('scaling.factor')),
    original_max_position_embeddings: metadata.raw(key('scaling.original_context_length')),
  };
}

function llama3(metadata: Fields, theta: number, dim: number, divisors: Float32Array | null): object | null {
  if (divisors === null || divisors.every((divisor) => divisor === 1)) return null;
  const frequencies = Array.from(divisors, (_, i) => theta ** ((-2 * i) / dim));
  const factor = divisors.reduce((max, value) => Math.max(max, value), 1);
  const length = originalLength(frequencies, divisors, factor);
  const isLlama3 = (divisor: number, i: number) =>
    Math.abs(divisor / llama3Divisor(frequencies[i], length, factor) - 1) <= TOLERANCE;
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
function llama3Divisor(frequency: number, length: number, factor: number): number {
  const { low_freq_factor: low, high_freq_factor: high } = LLAMA3;
  const turns = (length * frequency) / (2 * Math.PI);
  const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)));
  return 1 / ((1 - kept) / factor + kept);
}
