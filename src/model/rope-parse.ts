import { Fields } from '../checkpoint/fields.js';
import type { RopeConfig } from './config.js';

const COMMON_KEYS = ['rope_type', 'type', 'rope_theta', 'partial_rotary_factor'];
const YARN_KEYS =
  'factor attention_factor beta_fast beta_slow mscale mscale_all_dim truncate original_max_position_embeddings';
const LONGROPE_KEYS = 'factor attention_factor short_factor long_factor original_max_position_embeddings';
/** Keys of each kind besides the common ones; `su` is an older name. */
const KEYS: ReadonlyMap<string, readonly string[]> = new Map([
  ['default', []],
  ['linear', ['factor']],
  ['dynamic', ['factor', 'original_max_position_embeddings']],
  ['llama3', ['factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings']],
  ['yarn', YARN_KEYS.split(' ')],
  ['longrope', LONGROPE_KEYS.split(' ')],
  ['su', LONGROPE_KEYS.split(' ')],
]);
const KNOWN = [...KEYS.keys()].join(', ');
const FACTOR = { min: 1, max: 1e6 };
const POSITIONS = { min: 1, max: 1e9 };
const POSITIVE = { min: Number.MIN_VALUE, max: 1e15 };
/** What every family of transformers starts from. */
const DEFAULT_THETA = 10_000;

export interface RopeContext {
  readonly headDim: number;
  /** The family may rotate a part of each head. */
  readonly partial: boolean;
}

/** What config.json says of the rotation: `rope_parameters`, or of the older generation `rope_scaling`; empty where it has neither. */
export function scalingOf(config: Fields): Fields {
  const key = scalingKey(config);
  return key === null ? Fields.from({}, config.file) : config.child(key);
}

/**
 * Reads a rotation from either generation of config.json.
 * Throws CheckpointError for a kind of scaling that is not computed here.
 */
export function parseRope(config: Fields, scaling: Fields, context: RopeContext): RopeConfig {
  const theta = ropeTheta(config, scaling);
  const type = ropeType(scaling);
  const spread = spreadOf(config, scaling, context);
  const rotaryDim = spread + (spread % 2);
  const plain = { theta, rotaryDim };
  refuseOthers(scaling, [...COMMON_KEYS, ...(KEYS.get(type) ?? [])]);
  switch (type) {
    // Within the model's positions, beyond which no sequence goes, the dynamic kind does not scale.
    case 'default':
    case 'dynamic':
      return spread === rotaryDim ? { type: 'default', ...plain } : { type: 'default', ...plain, spread };
    case 'linear':
      return { type, ...plain, factor: scaling.number('factor', FACTOR) };
    case 'llama3':
      return { type, ...plain, ...llama3Factors(scaling) };
    case 'yarn':
      return { type, ...plain, ...yarnFactors(config, scaling) };
    case 'longrope':
    case 'su':
      return { type: 'longrope', ...plain, ...longFactors(config, scaling, plain.rotaryDim) };
    default:
      throw scaling.error('rope_type', `${JSON.stringify(type)} is not computed here; known: ${KNOWN}`);
  }
}

function scalingKey(config: Fields): string | null {
  if (!config.has('rope_parameters')) return config.has('rope_scaling') ? 'rope_scaling' : null;
  if (config.has('rope_scaling')) throw config.error('rope_scaling', 'given together with rope_parameters');
  return 'rope_parameters';
}

function ropeTheta(config: Fields, scaling: Fields): number {
  const outer = config.number('rope_theta', POSITIVE, DEFAULT_THETA);
  const theta = scaling.number('rope_theta', POSITIVE, outer);
  if (config.has('rope_theta') && theta !== outer) {
    throw config.error('rope_theta', `${outer}, but rope_parameters says ${theta}`);
  }
  return theta;
}

/**
 * Dimensions that the frequencies are spread over: all of a head, or the share that `partial_rotary_factor` says. As many are rotated, or one
 * more where they are odd, which only the plain rotation allows.
 */
function spreadOf(config: Fields, scaling: Fields, { headDim, partial }: RopeContext): number {
  const fields = scaling.has('partial_rotary_factor') ? scaling : config;
  const share = fields.number('partial_rotary_factor', { min: 0, max: 1 }, 1);
  if (share !== 1 && !partial)
    throw fields.error('partial_rotary_factor', 'rotating a part of each head is not supported');
  const dim = Math.floor(share * headDim);
  const isPlain = ['default', 'dynamic'].includes(ropeType(scaling));
  if (dim > 0 && (dim % 2 === 0 || (isPlain && dim < headDim))) return dim;
  throw fields.error(
    'partial_rotary_factor',
    `rotates ${dim} of ${headDim} dimensions; only even numbers are, but for a part of them without scaling`,
  );
}

/** `type` is the older name of `rope_type`. */
function ropeType(scaling: Fields): string {
  const type = scaling.string('type', 'default');
  const ropeType = scaling.string('rope_type', type);
  if (scaling.has('type') && ropeType !== type)
    throw scaling.error('type', `${type}, but rope_type says ${ropeType}`);
  return ropeType;
}

function refuseOthers(scaling: Fields, known: readonly string[]): void {
  const unknown = scaling.keys().find((key) => scaling.has(key) && !known.includes(key));
  if (unknown !== undefined) throw scaling.error(unknown, 'not understood for this kind of rotation');
}

function llama3Factors(scaling: Fields) {
  const lowFreqFactor = scaling.number('low_freq_factor', POSITIVE);
  const highFreqFactor = scaling.number('high_freq_factor', POSITIVE);
  if (highFreqFactor <= lowFreqFactor) {
    throw scaling.error(
      'high_freq_factor',
      `${highFreqFactor} must be above low_freq_factor, ${lowFreqFactor}`,
    );
  }
  return {
    factor: scaling.number('factor', FACTOR),
    lowFreqFactor,
    highFreqFactor,
    originalMaxPositions: scaling.integer('original_max_position_embeddings', POSITIONS),
  };
}

/** As transformers reads them: the factor of the attention is 0.1 · ln(factor) + 1, or a ratio of two such with `mscale`. */
function yarnFactors(config: Fields, scaling: Fields) {
  const originalMaxPositions = originalPositions(config, scaling);
  const factor = scaling.number('factor', FACTOR, maxPositions(config) / originalMaxPositions);
  const magnitude = (mscale: number) => (factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1);
  const scales = ['mscale', 'mscale_all_dim'].map((key) => scaling.number(key, { min: 0 }, 0));
  const computed = scales.includes(0) ? magnitude(1) : magnitude(scales[0]) / magnitude(scales[1]);
  return {
    factor,
    betaFast: scaling.number('beta_fast', POSITIVE, 32),
    betaSlow: scaling.number('beta_slow', POSITIVE, 1),
    truncate: scaling.boolean('truncate', true),
    originalMaxPositions,
    attentionFactor: scaling.number('attention_factor', POSITIVE, computed),
  };
}

/** The factor of the attention is √(1 + ln(factor) / ln(original positions)). */
function longFactors(config: Fields, scaling: Fields, rotaryDim: number) {
  const originalMaxPositions = originalPositions(config, scaling);
  const ratio = maxPositions(config) / originalMaxPositions;
  const factor = ratio === 1 ? scaling.number('factor', FACTOR, 1) : ratio;
  const computed = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalMaxPositions));
  return {
    short: divisors(scaling, 'short_factor', rotaryDim / 2),
    long: divisors(scaling, 'long_factor', rotaryDim / 2),
    originalMaxPositions,
    attentionFactor: scaling.number('attention_factor', POSITIVE, computed),
  };
}

/** Some families give them beside the scaling instead of in it. */
function originalPositions(config: Fields, scaling: Fields): number {
  const outer = config.integer('original_max_position_embeddings', POSITIONS, maxPositions(config));
  return scaling.integer('original_max_position_embeddings', POSITIONS, outer);
}

function maxPositions(config: Fields): number {
  return config.integer('max_position_embeddings', POSITIONS);
}

function divisors(scaling: Fields, key: string, count: number): number[] {
  const values = scaling.list(key);
  if (values.length !== count) throw scaling.error(key, `${values.length} entries for ${count} frequencies`);
  return values.map((value) => {
    if (typeof value === 'number' && value > 0) return value;
    throw scaling.error(key, 'must hold numbers above 0');
  });
}
