import { CheckpointError } from '../errors.js';
import type { LoraMatrices, Ops } from '../ops/ops.js';
import type { ModelConfig } from './config.js';
import { layerStacks, type Stack } from './layer-stacks.js';
import type { LoraAdapter } from './lora-adapter.js';
import type { LayerLora } from './model.js';
import { fused } from './names.js';

/** PEFT's names of what it wraps begin so. */
const WRAPPED = 'base_model.model.';
const STACKS = ['qkv', 'o', 'gateUp', 'down'] as const;
const F32_BYTES = 4;

/** A stack's parts as an adapter may have them. */
interface StackShape {
  readonly modules: readonly { readonly module: string; readonly rows: number }[];
  readonly cols: number;
  readonly rows: number;
  /** The highest of its parts in all adapters; 0 where none has any. */
  readonly rank: number;
}

/** Ranks of the parts of one product together, of the product that has most: columns of the room for them. */
export function numRanks(adapters: readonly LoraAdapter[], config: ModelConfig): number {
  return Math.max(0, ...shapesOf(adapters, config).map(({ rank, modules }) => rank * modules.length));
}

/** Bytes of the adapters on the device. */
export function loraBytes(adapters: readonly LoraAdapter[], config: ModelConfig): number {
  const floats = shapesOf(adapters, config).map(
    ({ rank, modules, cols, rows }) => rank * (modules.length * cols + rows),
  );
  return F32_BYTES * adapters.length * floats.reduce((sum, count) => sum + count, 0);
}

/** Reads the adapters onto the device, as one set for each layer. Throws CheckpointError for a tensor of another shape, or of a module that takes no adapter. */
export async function loadLoras<B>(
  ops: Ops<B>,
  adapters: readonly LoraAdapter[],
  config: ModelConfig,
): Promise<readonly LayerLora<B>[] | null> {
  if (adapters.length === 0) return null;
  for (const adapter of adapters) checkModules(adapter, config);
  const layers: LayerLora<B>[] = [];
  for (let layer = 0; layer < config.numLayers; layer++) {
    const stacks = stacksOf(config, layer);
    const entries: [string, LoraMatrices<B> | null][] = [];
    for (const name of STACKS) {
      const stack = stacks.get(name);
      entries.push([
        name,
        stack === undefined ? null : await loadStack(ops, adapters, shapeOf(adapters, stack)),
      ]);
    }
    layers.push(Object.fromEntries(entries) as LayerLora<B>);
  }
  return layers;
}

/** Those of a layer that adapters may change: not the experts'. */
function stacksOf(config: ModelConfig, layer: number): ReadonlyMap<string, Stack> {
  const hasExperts = config.experts?.layers[layer] ?? false;
  const stacks = Object.entries(layerStacks(config, layer));
  return new Map(hasExperts ? stacks.filter(([name]) => name === 'qkv' || name === 'o') : stacks);
}

function shapesOf(adapters: readonly LoraAdapter[], config: ModelConfig): StackShape[] {
  return Array.from({ length: config.numLayers }, (_, layer) => [...stacksOf(config, layer).values()])
    .flat()
    .map((stack) => shapeOf(adapters, stack));
}

function shapeOf(adapters: readonly LoraAdapter[], { parts, cols }: Stack): StackShape {
  const modules = fused(parts).map(([{ weight }, rows]) => ({ module: moduleOf(weight), rows }));
  const ranks = adapters.flatMap(({ checkpoint }) =>
    modules.map(({ module }) => checkpoint.tensors.get(factor(module, 'A'))?.shape[0] ?? 0),
  );
  const rows = modules.reduce((sum, part) => sum + part.rows, 0);
  return { modules, cols, rows, rank: Math.max(0, ...ranks) };
}

function moduleOf(weight: string): string {
  return weight.replace(/\.weight$/, '');
}

function factor(module: string, which: 'A' | 'B'): string {
  return `${WRAPPED}${module}.lora_${which}.weight`;
}

/** Every tensor must be a factor of a matrix that has room for it. */
function checkModules({ checkpoint, dir }: LoraAdapter, config: ModelConfig): void {
  const known = new Set<string>();
  for (let layer = 0; layer < config.numLayers; layer++) {
    for (const { parts } of stacksOf(config, layer).values()) {
      for (const [{ weight, layout }] of fused(parts)) {
        if (layout === 'headwise') continue;
        for (const which of ['A', 'B'] as const) known.add(factor(moduleOf(weight), which));
      }
    }
  }
  const other = [...checkpoint.tensors.keys()].find((name) => !known.has(name));
  if (other === undefined && checkpoint.tensors.size > 0) return;
  const file = checkpoint.tensors.get(other ?? '')?.file ?? dir;
  throw new CheckpointError(
    file,
    other ?? 'tensors',
    'an adapter may change the matrices of attention and MLP of this model, as low-rank factors, and nothing else',
  );
}

async function loadStack<B>(
  ops: Ops<B>,
  adapters: readonly LoraAdapter[],
  shape: StackShape,
): Promise<LoraMatrices<B> | null> {
  const { modules, cols, rows, rank } = shape;
  if (rank === 0) return null;
  const [numA, numB] = [modules.length * rank, rows];
  const a = new Float32Array(adapters.length * numA * cols);
  const b = new Float32Array(adapters.length * numB * rank);
  for (const [i, adapter] of adapters.entries()) {
    const into = {
      a: a.subarray(i * numA * cols, (i + 1) * numA * cols),
      b: b.subarray(i * numB * rank, (i + 1) * numB * rank),
    };
    await readStack(adapter, shape, into);
  }
  const ends = modules.map((_, i) => modules.slice(0, i + 1).reduce((sum, part) => sum + part.rows, 0));
  return {
    a: ops.constant(a, adapters.length * numA, cols),
    b: ops.constant(b, adapters.length * numB, rank),
    rank,
    ends,
  };
}

/** One adapter's factors of a stack, B scaled. */
async function readStack(
  { checkpoint, scaleOf }: LoraAdapter,
  { modules, cols, rank }: StackShape,
  { a, b }: Record<'a' | 'b', Float32Array>,
): Promise<void> {
  let row = 0;
  for (const [i, { module, rows }] of modules.entries()) {
    const own = checkpoint.tensors.get(factor(module, 'A'))?.shape[0];
    if (own !== undefined) {
      a.set(await read(checkpoint, factor(module, 'A'), [own, cols]), i * rank * cols);
      const values = await read(checkpoint, factor(module, 'B'), [rows, own]);
      const scale = scaleOf(module, own);
      for (let n = 0; n < rows; n++) {
        for (let r = 0; r < own; r++) b[(row + n) * rank + r] = scale * values[n * own + r];
      }
    }
    row += rows;
  }
}

async function read(
  checkpoint: LoraAdapter['checkpoint'],
  name: string,
  shape: readonly number[],
): Promise<Float32Array> {
  const info = checkpoint.tensors.get(name);
  if (info !== undefined && info.shape.join() === shape.join()) return checkpoint.readF32(name);
  const file = info?.file ?? checkpoint.tensors.values().next().value?.file ?? 'adapter';
  const problem = info === undefined ? 'no such tensor' : `shape [${info.shape}]`;
  throw new CheckpointError(file, name, `${problem}, but the model asks for [${shape}]`);
}
