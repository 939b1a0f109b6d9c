import { Fields } from '../checkpoint/fields.js';
import type { RopeConfig } from './config.js';

const COMMON_KEYS = ['rope_type', 'type', 'rope_theta', 'partial_rotary_factor'];
const LLAMA3_KEYS = ['factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'];
const POSITIVE = { min: Number.MIN_VALUE, max: 1e15 };
/** What every family of transformers starts from. */
const DEFAULT_THETA = 10_000;

/**
 * Reads the rotation from either generation of config.json: `rope_theta` and `rope_scaling`, or `rope_parameters`.
 * Throws CheckpointError for a kind of scaling that is not computed here.
 */
export function parseRope(config: Fields, rotaryDim: number): RopeConfig {
  const key = scalingKey(config);
  const scaling = key === null ? Fields.from({}, config.file) : config.child(key);
  const theta = ropeTheta(config, scaling);
  refusePartial(config);
  refusePartial(scaling);
  const type = ropeType(scaling);
  if (type === 'default') {
    refuseOthers(scaling, COMMON_KEYS);
    return { type, theta, rotaryDim };
  }
  if (type === 'llama3') {
    refuseOthers(scaling, [...COMMON_KEYS, ...LLAMA3_KEYS]);
    return { type, theta, rotaryDim, ...llama3Factors(scaling) };
  }
  throw scaling.error('rope_type', `${JSON.stringify(type)} is not computed here; known: default, llama3`);
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

function refusePartial(fields: Fields): void {
  if (fields.number('partial_rotary_factor', { min: 0, max: 1 }, 1) !== 1) {
    throw fields.error('partial_rotary_factor', 'rotating a part of each head is not supported');
  }
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
    factor: scaling.number('factor', { min: 1, max: 1e6 }),
    lowFreqFactor,
    highFreqFactor,
    originalMaxPositions: scaling.integer('original_max_position_embeddings', { min: 1, max: 1e9 }),
  };
}
