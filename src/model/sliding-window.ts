import { describe, type Fields } from '../checkpoint/fields.js';
import type { SlidingWindowRule } from './architectures.js';

const WINDOW = { min: 1, max: 2 ** 30 };

/** Keys of config.json that the rule reads, besides `layer_types`. */
export function slidingWindowKeys(rule: SlidingWindowRule): readonly string[] {
  switch (rule) {
    case 'none':
      return [];
    case 'all':
      return ['sliding_window'];
    case 'switched':
      return ['sliding_window', 'use_sliding_window'];
    case 'layers':
    case 'named':
      return ['sliding_window', 'use_sliding_window', 'max_window_layers'];
    case 'pattern':
      return ['sliding_window', 'sliding_window_pattern'];
    default:
      return rule satisfies never;
  }
}

/**
 * Per layer: the window of positions that a token sees, itself included, or null. `layer_types` must agree with the rule
 * where the rule leaves no choice. Throws CheckpointError.
 */
export function parseSlidingWindows(
  config: Fields,
  rule: SlidingWindowRule,
  numLayers: number,
): (number | null)[] {
  const sliding = slidingLayers(config, rule, numLayers);
  if (!sliding.includes(true)) return sliding.map(() => null);
  if (!config.has('sliding_window'))
    throw config.error('sliding_window', 'missing, but layer_types names sliding layers');
  const window = config.integer('sliding_window', WINDOW);
  return sliding.map((isSliding) => (isSliding ? window : null));
}

function slidingLayers(config: Fields, rule: SlidingWindowRule, numLayers: number): boolean[] {
  const byRule = Array.from({ length: numLayers }, (_, layer) => isSlidingByRule(config, rule, layer));
  if (!config.has('layer_types')) return byRule;
  const named = layerTypes(config, numLayers);
  const fixed = rule !== 'pattern' && (isFixed(rule) || !config.boolean('use_sliding_window', false));
  if (fixed && named.some((isSliding, layer) => isSliding !== byRule[layer])) {
    throw config.error('layer_types', 'contradicts sliding_window or use_sliding_window');
  }
  return named;
}

function isFixed(rule: SlidingWindowRule): boolean {
  return rule === 'none' || rule === 'all' || rule === 'switched';
}

function isSlidingByRule(config: Fields, rule: SlidingWindowRule, layer: number): boolean {
  switch (rule) {
    case 'none':
      return false;
    case 'all':
      return config.has('sliding_window');
    case 'switched':
      return usesWindow(config);
    case 'layers':
      return usesWindow(config) && layer >= config.integer('max_window_layers', { min: 0 });
    case 'named':
      if (usesWindow(config) && !config.has('layer_types'))
        throw config.error('layer_types', 'missing, but use_sliding_window is true');
      return false;
    case 'pattern':
      return (layer + 1) % config.integer('sliding_window_pattern', { min: 1 }) !== 0;
    default:
      return rule satisfies never;
  }
}

function usesWindow(config: Fields): boolean {
  return config.boolean('use_sliding_window', false) && config.has('sliding_window');
}

function layerTypes(config: Fields, numLayers: number): boolean[] {
  const types = config.list('layer_types');
  if (types.length !== numLayers) {
    throw config.error('layer_types', `${types.length} entries for ${numLayers} layers`);
  }
  return types.map((type) => {
    if (type === 'full_attention') return false;
    if (type === 'sliding_attention') return true;
    throw config.error('layer_types', `holds ${describe(type)}; known: full_attention, sliding_attention`);
  });
}
