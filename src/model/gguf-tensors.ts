import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint.js';
import { pairedRows, reordersRows } from '../checkpoint/gguf/rows.js';
import { CheckpointError } from '../errors.js';
import type { ModulePaths } from './architectures.js';
import type { LinearNames, ModelConfig } from './config.js';
import { expertTensors } from './gguf-experts.js';
import type { GgufPart } from './gguf-part.js';
import { ropeTensors } from './gguf-rope-tensors.js';
import { floatType } from './matrices.js';
import { headwiseRowOrder, transposed } from './matrix-layout.js';
import { inLayer, inLayerName } from './names.js';
import { namesIn } from './prefix.js';

/** Where a model's tensors are, and what GGUF calls them. */
interface Context {
  readonly checkpoint: Checkpoint;
  readonly config: ModelConfig;
  /** GGUF's paths of the family's modules. */
  readonly modules: ModulePaths;
  /** `general.architecture` */
  readonly architecture: string;
}

/**
 * All tensors of the model's GGUF file, layer by layer. Matrices lie by outputs, Q and K of llama and its kin with both halves of a rotation
 * alternating, GPT-NeoX's q, k and v one after another; norms are whole; experts of a layer are one tensor. Throws CheckpointError for a
 * tensor that is missing, or holds codes.
 */
export function ggufParts(context: Context): readonly GgufPart[] {
  const { config, checkpoint, modules } = context;
  const names = namesIn(checkpoint.tensors, config);
  const layers = Array.from({ length: config.numLayers }, (_, layer) => layerParts(context, layer));
  const output = config.tieWordEmbeddings
    ? []
    : [part(context, names.lmHead, `${modules.lmHead}.weight`, null)];
  const positions =
    names.positions === null
      ? []
      : [{ ...part(context, names.positions, `${modules.positions}.weight`, null), dtype: 'F32' as const }];
  return [
    part(context, names.embedding, `${modules.embedding}.weight`, null),
    ...positions,
    ...ropeTensors(config),
    ...layers.flat(),
    ...normParts(context, names.finalNorm, `${modules.finalNorm}.weight`, null),
    ...output,
  ];
}

/** The checkpoint's tensors that no part is made of. */
export function unusedTensors({ tensors }: Checkpoint, parts: readonly GgufPart[]): readonly string[] {
  const used = new Set(parts.flatMap(({ sources }) => sources.map(({ name }) => name)));
  return [...tensors.keys()].filter((name) => !used.has(name));
}

const NORMS = ['attentionNorm', 'qNorm', 'kNorm', 'attentionPostNorm', 'mlpNorm', 'mlpPostNorm'] as const;

function layerParts(context: Context, layer: number): GgufPart[] {
  const { config, checkpoint, modules } = context;
  const names = namesIn(checkpoint.tensors, config);
  const hasExperts = config.experts?.layers[layer] === true;
  const norms = NORMS.flatMap((norm) => {
    const [from, to] = [names[norm], modules[norm]];
    if (from === null || to === null) return [];
    return normParts(context, inLayerName(from, layer), inLayerName(`${to}.weight`, layer), layer);
  });
  const linears = (['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const).flatMap((module) => {
    const [from, to] = [names[module], modules[module]];
    if (from === null || to === null || (hasExperts && MLP.has(module))) return [];
    return linearParts(context, inLayer(from, layer), inLayerName(to, layer), layer);
  });
  const sinks =
    names.sinks === null || modules.sinks === null
      ? []
      : [part(context, inLayerName(names.sinks, layer), inLayerName(modules.sinks, layer), layer)];
  const unique = new Map([...norms, ...linears, ...sinks].map((each) => [each.name, each]));
  if (!hasExperts) return [...unique.values()];
  return [...unique.values(), ...expertTensors(checkpoint, config, layer, (name) => expect(context, name))];
}

const MLP: ReadonlySet<string> = new Set(['gate', 'up', 'down']);

/** A matrix, and its bias in the order of its rows. */
function linearParts(context: Context, names: LinearNames, path: string, layer: number): GgufPart[] {
  const info = expect(context, names.weight);
  const isTransposed = names.layout === 'transposed';
  const [rows, cols] = isTransposed ? info.shape.toReversed() : info.shape;
  const order = rowOrder(context, names, path, rows);
  const weight: GgufPart = {
    ...part(context, names.weight, `${path}.weight`, layer),
    shape: [rows, cols],
    order,
    read: async () => {
      const values = await context.checkpoint.readF32(info.name);
      return reordered(isTransposed ? transposed(values, rows) : values, cols, order);
    },
  };
  if (names.bias === null) return [weight];
  const bias = expect(context, names.bias);
  const read = async () => reordered(await context.checkpoint.readF32(bias.name), 1, order);
  return [weight, { ...part(context, bias.name, `${path}.bias`, layer), order, read }];
}

/** Row i of the file is row `order[i]` of the checkpoint. */
function rowOrder(
  { config, architecture }: Context,
  { layout }: LinearNames,
  path: string,
  rows: number,
): readonly number[] | null {
  if (layout === 'headwise') return headwiseRowOrder(rows, config.headDim);
  if (!reordersRows(architecture)) return null;
  if (path.endsWith('attn_q')) return pairedRows(rows, config.numHeads);
  return path.endsWith('attn_k') ? pairedRows(rows, config.numKvHeads) : null;
}

function reordered(
  values: Float32Array<ArrayBuffer>,
  cols: number,
  order: readonly number[] | null,
): Float32Array<ArrayBuffer> {
  if (order === null) return values;
  const out = new Float32Array(values.length);
  order.forEach((from, to) => {
    out.set(values.subarray(from * cols, (from + 1) * cols), to * cols);
  });
  return out;
}

/** Norms are f32, and whole where the family keeps them less 1; with their bias. */
function normParts(context: Context, name: string, to: string, layer: number | null): GgufPart[] {
  const { norm, normOffset } = context.config;
  const weight = part(context, name, to, layer);
  const read = async () => (await weight.read()).map((value) => value + normOffset);
  if (norm === 'rms') return [{ ...weight, read }];
  const bias = (path: string) => path.replace(/weight$/, 'bias');
  return [{ ...weight, read }, part(context, bias(name), bias(to), layer)];
}

/** A tensor as it is, vectors in f32. */
function part(context: Context, name: string, to: string, layer: number | null): GgufPart {
  const info = expect(context, name);
  const type = floatType(info).toUpperCase() as GgufPart['dtype'];
  return {
    name: to,
    shape: info.shape,
    dtype: info.shape.length === 1 ? 'F32' : type,
    layer,
    sources: [info],
    order: null,
    read: () => context.checkpoint.readF32(name),
  };
}

function expect({ checkpoint: { tensors }, config }: Context, name: string): TensorInfo {
  const info = tensors.get(name);
  const file = info?.file ?? tensors.values().next().value?.file ?? 'checkpoint';
  if (info === undefined)
    throw new CheckpointError(file, name, `no such tensor, but ${config.architecture} needs it`);
  if (info.format === undefined) return info;
  throw new CheckpointError(
    file,
    name,
    `quantized already (${info.storedAs ?? info.dtype}): name the model that it was made of`,
  );
}
