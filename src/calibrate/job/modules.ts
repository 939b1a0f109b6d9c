import type { Checkpoint } from '../../checkpoint/checkpoint.js';
import type { LinearNames, MatrixLayout, ModelConfig } from '../../model/config.js';
import { expertNamesIn } from '../../model/expert-matrices.js';
import { inExpert, inLayer } from '../../model/names.js';
import { namesIn } from '../../model/prefix.js';

/** A matrix of a layer, as its checkpoint holds it: one that is made of several, such as q, k and v, counts once. */
export interface LinearModule {
  /** null for embedding and output matrix, which come last. */
  readonly layer: number | null;
  /** Name of the tensor. */
  readonly tensor: string;
  readonly layout: MatrixLayout;
  /** Whether it is one expert's. */
  readonly ofExpert?: boolean;
  /** Whether rows are looked up in it. */
  readonly isTable?: boolean;
  /** Whether a text tells nothing of its inputs: one expert's, and a table that is looked up alone. */
  readonly isBlind?: boolean;
}

/** The matrices of all layers, in the order in which a token meets them. */
export function linearModules(
  config: ModelConfig,
  { tensors }: Pick<Checkpoint, 'tensors'>,
): readonly LinearModule[] {
  const modules = new Map<string, LinearModule>();
  for (let layer = 0; layer < config.numLayers; layer++) {
    const { all, expert } = layerNames(config, tensors, layer);
    for (const { weight: tensor, layout } of all) {
      if (!modules.has(tensor)) modules.set(tensor, { layer, tensor, layout });
    }
    for (const { weight: tensor, layout } of expert) {
      if (!modules.has(tensor)) modules.set(tensor, { layer, tensor, layout, ofExpert: true, isBlind: true });
    }
  }
  return [...modules.values()];
}

/** Of all tokens, and of single experts. */
interface LayerNames {
  readonly all: readonly LinearNames[];
  readonly expert: readonly LinearNames[];
}

function layerNames(config: ModelConfig, tensors: Checkpoint['tensors'], layer: number): LayerNames {
  const { q, k, v, o, gate, up, down, experts } = namesIn(tensors, config);
  const attention = [q, k, v, o].map((names) => inLayer(names, layer));
  if (config.experts?.layers[layer] !== true) {
    const mlp = gate === null ? [up, down] : [gate, up, down];
    return { all: [...attention, ...mlp.map((names) => inLayer(names, layer))], expert: [] };
  }
  const named = expertNamesIn(experts, tensors, layer);
  const { numExperts } = config.experts;
  const each = Array.from({ length: numExperts }, (_, expert) =>
    [named.gate, named.up, named.down].map((names) => inExpert(names, expert)),
  );
  return { all: attention, expert: each.flat() };
}

/** Embedding and output matrix, which may be one. */
export function tableModules(
  config: ModelConfig,
  { tensors }: Pick<Checkpoint, 'tensors'>,
): readonly LinearModule[] {
  const { embedding, lmHead } = namesIn(tensors, config);
  const names = config.tieWordEmbeddings ? [embedding] : [embedding, lmHead];
  return names.map((tensor) => ({
    layer: null,
    tensor,
    layout: 'rows',
    isTable: tensor === embedding,
    isBlind: tensor === embedding && !config.tieWordEmbeddings,
  }));
}

/** Linear modules that are not quantized: the output matrix, unless it is to be, and the routers, which are small and choose much. */
export function keptModules(
  config: ModelConfig,
  { tensors }: Pick<Checkpoint, 'tensors'>,
  withTables = false,
): readonly string[] {
  const { lmHead, experts } = namesIn(tensors, config);
  const routers = (config.experts?.layers ?? []).flatMap((hasExperts, layer) =>
    hasExperts ? [expertNamesIn(experts, tensors, layer).router.weight] : [],
  );
  const isQuantized = withTables && !config.tieWordEmbeddings;
  return [...(isQuantized ? [] : [lmHead]), ...routers].map(moduleOf);
}

/** The path of a tensor's module. */
export function moduleOf(tensor: string): string {
  return tensor.replace(/\.(weight|bias)$/, '');
}
