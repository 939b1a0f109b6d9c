import { describe, type Fields } from '../checkpoint/fields.js';
import type { Architecture } from './architectures.js';
import type { PlainRope, RopeConfig } from './config.js';
import { parseRope, type RopeContext, scalingOf } from './rope-parse.js';

const NO_ROPE: PlainRope = { type: 'none', theta: 1, rotaryDim: 0 };
const THETA = { min: Number.MIN_VALUE, max: 1e15 };

/** Per layer its rotation; layers that rotate alike share one object. Throws CheckpointError. */
export function parseRopes(
  config: Fields,
  { keys, modules }: Architecture,
  headDim: number,
  windows: readonly (number | null)[],
): readonly RopeConfig[] {
  if (modules.positions !== null) return windows.map(() => NO_ROPE);
  const context = { headDim, partial: keys.has('partial_rotary_factor') };
  const [full, sliding] = keys.has('rope_local_base_freq')
    ? twoRopes(config, context)
    : sameTwice(parseRope(config, scalingOf(config), context));
  const rotates = keys.has('no_rope_layers') ? rotatedLayers(config, windows.length) : null;
  return windows.map((window, layer) => {
    if (rotates?.[layer] === false) return NO_ROPE;
    return window === null ? full : sliding;
  });
}

function sameTwice(rope: RopeConfig): [RopeConfig, RopeConfig] {
  return [rope, rope];
}

/** Of full and of sliding layers: in the older generation only the former are scaled, and the latter have a theta of their own. */
function twoRopes(config: Fields, context: RopeContext): [RopeConfig, RopeConfig] {
  if (config.has('rope_parameters')) {
    const each = config.child('rope_parameters');
    const ropeOf = (type: string) => parseRope(config, each.child(type), context);
    return [ropeOf('full_attention'), ropeOf('sliding_attention')];
  }
  const theta = config.number('rope_local_base_freq', THETA);
  return [
    parseRope(config, scalingOf(config), context),
    { type: 'default', theta, rotaryDim: context.headDim },
  ];
}

/** `no_rope_layers` holds 1 for a layer that rotates and 0 for one that does not; without it every `no_rope_layer_interval`th does not. */
function rotatedLayers(config: Fields, numLayers: number): boolean[] {
  if (!config.has('no_rope_layers')) {
    const interval = config.integer('no_rope_layer_interval', { min: 1, max: 10_000 });
    return Array.from({ length: numLayers }, (_, layer) => (layer + 1) % interval !== 0);
  }
  const flags = config.list('no_rope_layers');
  if (flags.length !== numLayers)
    throw config.error('no_rope_layers', `${flags.length} entries for ${numLayers} layers`);
  return flags.map((flag) => {
    if (flag === 0 || flag === 1) return flag === 1;
    throw config.error('no_rope_layers', `holds ${describe(flag)}; known: 0, 1`);
  });
}
