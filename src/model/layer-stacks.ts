import type { ModelConfig } from './config.js';
import { inLayer, type StackPart } from './names.js';

/** Matrices of the same inputs, which are multiplied as one: their names, outputs, and inputs. */
export interface Stack {
  readonly parts: readonly StackPart[];
  readonly cols: number;
}

/** The products of a layer, in the order in which a token meets them. */
export interface LayerStacks {
  readonly qkv: Stack;
  readonly o: Stack;
  readonly gateUp: Stack;
  readonly down: Stack;
}

type StackConfig = Pick<
  ModelConfig,
  'weights' | 'hiddenSize' | 'intermediateSize' | 'numHeads' | 'numKvHeads' | 'headDim'
>;

/** Of a layer that has an MLP; of one with experts only `qkv` and `o` are what is there. @param config whose names are as the checkpoint has them */
export function layerStacks(config: StackConfig, layer: number): LayerStacks {
  const { weights, hiddenSize, intermediateSize, numHeads, numKvHeads, headDim } = config;
  const { q, k, v, o, gate, up, down } = weights;
  const part = (names: typeof q, rows: number): StackPart => [inLayer(names, layer), rows];
  const gates = gate === null ? [] : [part(gate, intermediateSize)];
  return {
    qkv: {
      parts: [part(q, numHeads * headDim), part(k, numKvHeads * headDim), part(v, numKvHeads * headDim)],
      cols: hiddenSize,
    },
    o: { parts: [part(o, hiddenSize)], cols: numHeads * headDim },
    gateUp: { parts: [...gates, part(up, intermediateSize)], cols: hiddenSize },
    down: { parts: [part(down, hiddenSize)], cols: intermediateSize },
  };
}
