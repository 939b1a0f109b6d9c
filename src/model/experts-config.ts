import { describe, type Fields } from '../checkpoint/fields.js';
import type { Architecture, OptionalKey } from './architectures.js';
import type { ExpertNames, ExpertsConfig, LinearNames } from './config.js';
import type { ExpertFamily, ExpertPaths } from './expert-family.js';

/** Far above any model; a workgroup keeps three words for each. */
const MAX_EXPERTS = 1024;
const SIZE = { min: 1, max: 2 ** 24 };

/** Keys that families with experts read, besides those that their data file lists. The second name is that of transformers 5. */
const COUNT_KEYS = ['num_experts', 'num_local_experts'] as const;
const TOP_K_KEY = 'num_experts_per_tok';

/** Keys of config.json that tell of experts; none for a family without them. */
export function expertKeys({ experts }: Pick<Architecture, 'experts'>): readonly string[] {
  return experts === null ? [] : [...COUNT_KEYS, TOP_K_KEY];
}

/** Null for a family without experts. Throws CheckpointError for numbers that cannot be. */
export function parseExperts(
  config: Fields,
  { experts, keys }: Architecture,
  numLayers: number,
): ExpertsConfig | null {
  if (experts === null) return null;
  if (keys.has('swiglu_limit') && config.number('swiglu_limit', { min: 0 }, 7) !== 7)
    throw config.error('swiglu_limit', 'another limit than 7 is not supported');
  // A default of the first name must not hide what is written under the second.
  const countKey = config.has(COUNT_KEYS[1]) ? COUNT_KEYS[1] : COUNT_KEYS[0];
  const numExperts = config.integer(countKey, { min: 1, max: MAX_EXPERTS });
  const sizeKey = keys.has('moe_intermediate_size') ? 'moe_intermediate_size' : 'intermediate_size';
  return {
    numExperts,
    topK: config.integer(TOP_K_KEY, { min: 1, max: numExperts }),
    intermediateSize: config.integer(sizeKey, SIZE),
    normalized: isNormalized(config, experts),
    interleaved: experts.interleaved,
    layers: expertLayers(config, keys, numLayers),
  };
}

function isNormalized(config: Fields, { normalized }: ExpertFamily): boolean {
  return typeof normalized === 'string' ? config.boolean(normalized) : normalized;
}

/** Every `decoder_sparse_step`th layer, but for those that `mlp_only_layers` lists. */
function expertLayers(config: Fields, keys: ReadonlySet<OptionalKey>, numLayers: number): boolean[] {
  const step = keys.has('decoder_sparse_step') ? config.integer('decoder_sparse_step', { min: 1 }) : 1;
  const dense = keys.has('mlp_only_layers') ? denseLayers(config, numLayers) : new Set<number>();
  return Array.from({ length: numLayers }, (_, layer) => (layer + 1) % step === 0 && !dense.has(layer));
}

function denseLayers(config: Fields, numLayers: number): ReadonlySet<number> {
  const listed = config.has('mlp_only_layers') ? config.list('mlp_only_layers') : [];
  const layers = listed.map((layer) => {
    if (typeof layer === 'number' && Number.isInteger(layer) && layer >= 0 && layer < numLayers) return layer;
    throw config.error('mlp_only_layers', `must hold layers below ${numLayers}, holds ${describe(layer)}`);
  });
  return new Set(layers);
}

/** Names of the experts' tensors in each form that a checkpoint may have. */
export function expertNames(experts: ExpertFamily | null): readonly ExpertNames[] {
  if (experts === null) return [];
  return experts.forms.map((paths) => ({
    router: {
      weight: `${paths.router}.weight`,
      bias: experts.routerBias ? `${paths.router}.bias` : null,
      layout: 'rows',
    },
    gate: linearNames(paths.gate, paths),
    up: linearNames(paths.up, paths),
    down: linearNames(paths.down, paths),
  }));
}

function linearNames(path: string, { bias, layout }: ExpertPaths): LinearNames {
  const [weight, biasName] = tensorNames(path);
  return { weight, bias: bias ? biasName : null, layout };
}

/** Of a module; or of a tensor of all experts, which GGUF gives the names of a module and others the plain path. */
function tensorNames(path: string): [string, string] {
  if (path.includes('{expert}')) return [`${path}.weight`, `${path}.bias`];
  return path.endsWith('.weight') ? [path, path.replace(/weight$/, 'bias')] : [path, `${path}_bias`];
}
