import type { Fields } from '../fields.js';
import { groupSizeOf, modulePattern, oneOf, refuseUnknown } from './config.js';
import { type BlockShape, blockShape } from './fp8.js';

const KEYS =
  'quant_method format quantization_status global_compression_ratio ignore kv_cache_scheme config_groups version run_compressed ' +
  'sparsity_config';
const GROUP_KEYS = 'targets weights input_activations output_activations format';
const WEIGHT_KEYS =
  'num_bits type symmetric strategy group_size block_structure dynamic actorder observer observer_kwargs scale_dtype zp_dtype';
const FORMATS = [
  'dense',
  'pack-quantized',
  'int-quantized',
  'naive-quantized',
  'float-quantized',
  'mxfp4-pack-quantized',
  'mixed-precision',
] as const;
const STRATEGIES = ['tensor', 'channel', 'group', 'block'] as const;

/** How the weights of a group of modules are quantized. */
export interface Scheme {
  readonly type: 'int' | 'float';
  readonly bits: number;
  readonly symmetric: boolean;
  /** Columns that share a scale; null for a scale per row or for the tensor. */
  readonly groupSize: number | null;
  readonly block: BlockShape | null;
  /** Whether columns have groups in an order of their own. */
  readonly actOrder: boolean;
  /** How a product's inputs and outputs are rounded to INT8. */
  readonly inputs: Activations;
  readonly outputs: Activations;
}

/** With a scale for each token as the model runs, or one for all in the file; null where they stay floats, or take types that are not computed in. */
export type Activations = 'dynamic' | 'static' | null;

/** The scheme of each module. */
export interface Schemes {
  /** Throws CheckpointError for a module that no group targets, or that is to be ignored. */
  of(module: string): Scheme;
}

interface Target {
  readonly matches: (module: string) => boolean;
  readonly scheme: Scheme | null;
}

/** Reads `config_groups` and `ignore`. Throws CheckpointError. */
export function readSchemes(config: Fields): Schemes {
  refuseUnknown(config, KEYS);
  oneOf(config, 'format', FORMATS);
  if (config.has('sparsity_config')) refuseSparsity(config.child('sparsity_config'));
  const groups = config.child('config_groups');
  const targets = groups.keys().flatMap((name) => groupTargets(groups.child(name)));
  const byPreference = [...targets].sort((a, b) => a.rank - b.rank);
  const ignored = config.has('ignore')
    ? config.strings('ignore').map((text) => target(config, 'ignore', text))
    : [];
  return {
    of: (module) => {
      if (ignored.some(({ matches }) => matches(module)))
        throw config.error('ignore', `names ${module}, which is quantized`);
      const found = byPreference.find(({ matches }) => matches(module));
      if (found?.scheme) return found.scheme;
      throw config.error('config_groups', `no group quantizes the weights of ${module}, which is quantized`);
    },
  };
}

function refuseSparsity(sparsity: Fields): void {
  if (sparsity.keys().length > 0) oneOf(sparsity, 'format', ['dense']);
}

function groupTargets(group: Fields): (Target & { rank: number })[] {
  refuseUnknown(group, GROUP_KEYS);
  oneOf(group, 'format', FORMATS);
  const scheme = group.has('weights')
    ? {
        ...weightScheme(group.child('weights')),
        inputs: activations(group, 'input_activations'),
        outputs: activations(group, 'output_activations'),
      }
    : null;
  return group.strings('targets').map((text) => ({ ...target(group, 'targets', text), scheme }));
}

/** A name counts before a pattern, and both before a class. All that a checkpoint holds in codes are linear modules. */
function target(fields: Fields, key: string, text: string): Pick<Target, 'matches'> & { rank: number } {
  if (text.startsWith('re:')) {
    const pattern = modulePattern(fields, key, text.slice(3));
    return { matches: (module) => pattern.test(module), rank: 1 };
  }
  if (text === 'Linear') return { matches: () => true, rank: 2 };
  return { matches: (module) => module === text, rank: 0 };
}

/** Of 8-bit integers around 0; others stay floats, which is closer to what was meant than any rounding of ours. */
function activations(group: Fields, key: string): Activations {
  if (!group.has(key)) return null;
  const fields = group.child(key);
  const isInt8 = fields.raw('num_bits') === 8 && fields.raw('type') === 'int';
  if (!isInt8 || fields.raw('symmetric') === false) return null;
  const strategy = fields.raw('strategy');
  if (fields.raw('dynamic') === true) return strategy === 'token' ? 'dynamic' : null;
  return strategy === 'tensor' || !fields.has('strategy') ? 'static' : null;
}

function weightScheme(weights: Fields): Omit<Scheme, 'inputs' | 'outputs'> {
  refuseUnknown(weights, WEIGHT_KEYS);
  oneOf(weights, 'dynamic', [false]);
  const groupSize = groupSizeOf(weights, 'group_size');
  const implied = groupSize === null ? 'tensor' : 'group';
  const strategy = weights.has('strategy') ? oneOf(weights, 'strategy', STRATEGIES) : implied;
  if (strategy === 'group' && groupSize === null) throw weights.error('group_size', 'missing for groups');
  return {
    type: oneOf(weights, 'type', ['int', 'float']),
    bits: weights.integer('num_bits', { min: 2, max: 8 }, 8),
    symmetric: weights.boolean('symmetric', true),
    groupSize: strategy === 'group' ? groupSize : null,
    block: strategy === 'block' ? blockShape(weights, 'block_structure') : null,
    actOrder: isGroupOrder(weights),
  };
}

/** `weight` and `static` leave the columns' groups in order. */
function isGroupOrder(weights: Fields): boolean {
  if (typeof weights.raw('actorder') === 'boolean') return weights.boolean('actorder');
  if (!weights.has('actorder')) return false;
  return ['group', 'dynamic'].includes(oneOf(weights, 'actorder', ['weight', 'static', 'group', 'dynamic']));
}
