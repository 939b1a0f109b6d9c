import type { LinearNames, ModelConfig } from '../model/config.js';
import { type LayerStacks, layerStacks, type Stack } from '../model/layer-stacks.js';
import { inLayerName } from '../model/names.js';

/** What gives a product its inputs, and can give each divided by a number: a norm, or rows of a matrix. */
export type Producer =
  | { readonly kind: 'norm'; readonly weight: string; readonly bias: string | null }
  | { readonly kind: 'rows'; readonly names: LinearNames; readonly start: number };

/**
 * Inputs of a product that may be divided by any s > 0 where they come from, as the columns of its matrices are multiplied by s: the model is the
 * same, but for how it rounds.
 */
export interface Fold {
  readonly layer: number;
  readonly stack: keyof LayerStacks;
  readonly producer: Producer;
  /** The product's matrices, each tensor once. */
  readonly consumers: readonly string[];
  /** Numbers of s. */
  readonly cols: number;
}

/**
 * The folds of a model, by layers, in the order of their products. A norm folds into q, k and v, and into gate and up; v into o where each of its
 * heads is read by one head of q; up into down where there are gates, as its part is a factor then. No folds into experts, and none of matrices
 * that are not held by rows of outputs.
 * @param config whose names are as the checkpoint has them
 */
export function foldsOf(config: ModelConfig): readonly Fold[] {
  return Array.from({ length: config.numLayers }, (_, layer) => layerFolds(config, layer)).flat();
}

function layerFolds(config: ModelConfig, layer: number): readonly Fold[] {
  const stacks = layerStacks(config, layer);
  const { attentionNorm, mlpNorm, gate } = config.weights;
  const hasMlp = config.experts?.layers[layer] !== true;
  const producers: Readonly<Record<keyof LayerStacks, Producer | null>> = {
    qkv: normProducer(config, attentionNorm, layer),
    o: config.numHeads === config.numKvHeads ? lastRows(stacks.qkv) : null,
    gateUp: hasMlp ? normProducer(config, mlpNorm, layer) : null,
    down: hasMlp && gate !== null ? lastRows(stacks.gateUp) : null,
  };
  return (['qkv', 'o', 'gateUp', 'down'] as const).flatMap((stack) => {
    const producer = producers[stack];
    const { parts, cols } = stacks[stack];
    if (producer === null || !parts.every(([{ layout }]) => layout === 'rows')) return [];
    return [{ layer, stack, producer, consumers: [...new Set(parts.map(([{ weight }]) => weight))], cols }];
  });
}

function normProducer({ norm }: ModelConfig, name: string | null, layer: number): Producer | null {
  if (name === null) return null;
  const weight = inLayerName(name, layer);
  return { kind: 'norm', weight, bias: norm === 'rms' ? null : weight.replace(/weight$/, 'bias') };
}

/** Those of a stack's last part: v, or up. They may be rows of a tensor that the parts before them share. */
function lastRows({ parts }: Stack): Producer | null {
  const last = parts.at(-1);
  if (last === undefined || last[0].layout !== 'rows') return null;
  const [names] = last;
  const before = parts.slice(0, -1).filter(([{ weight }]) => weight === names.weight);
  return { kind: 'rows', names, start: before.reduce((sum, [, rows]) => sum + rows, 0) };
}
