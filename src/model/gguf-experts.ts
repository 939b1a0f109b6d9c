import type { Checkpoint, TensorInfo } from '../checkpoint/checkpoint.js';
import type { ExpertsConfig, LinearNames, ModelConfig } from './config.js';
import { expertNamesIn } from './expert-matrices.js';
import type { GgufPart } from './gguf-part.js';
import { floatType } from './matrices.js';
import { transposed } from './matrix-layout.js';
import { inExpert } from './names.js';
import { namesIn } from './prefix.js';

type Module = 'gate' | 'up' | 'down';

interface Layer {
  readonly checkpoint: Checkpoint;
  readonly shape: ExpertsConfig;
  readonly layer: number;
  readonly expect: (name: string) => TensorInfo;
}

/** Router and experts of a layer: one tensor `[experts][rows][cols]` for each of gate, up and down, and the biases of each. */
export function expertTensors(
  checkpoint: Checkpoint,
  config: ModelConfig,
  layer: number,
  expect: (name: string) => TensorInfo,
): GgufPart[] {
  if (config.experts === null) return [];
  const named = expertNamesIn(namesIn(checkpoint.tensors, config).experts, checkpoint.tensors, layer);
  const context = { checkpoint, shape: config.experts, layer, expect };
  const { hiddenSize } = config;
  const { intermediateSize, numExperts } = config.experts;
  const sizes = { gate: intermediateSize, up: intermediateSize, down: hiddenSize };
  const modules = (['gate', 'up', 'down'] as const).flatMap((module) => {
    const isFused = module !== 'down' && named.gate.weight === named.up.weight;
    const cols = module === 'down' ? intermediateSize : hiddenSize;
    return moduleParts(context, named[module], module, isFused, sizes[module], cols);
  });
  const router = `blk.${layer}.ffn_gate_inp`;
  return [
    plain(context, named.router.weight, `${router}.weight`, [numExperts, hiddenSize]),
    ...(named.router.bias === null
      ? []
      : [plain(context, named.router.bias, `${router}.bias`, [numExperts])]),
    ...modules,
  ];
}

/** In f32, as llama.cpp holds routers and biases. */
function plain({ checkpoint, layer, expect }: Layer, from: string, name: string, shape: number[]): GgufPart {
  const info = expect(from);
  const read = () => checkpoint.readF32(info.name);
  return { name, shape, dtype: 'F32', layer, sources: [info], order: null, read };
}

function moduleParts(
  context: Layer,
  names: LinearNames,
  module: Module,
  isFused: boolean,
  rows: number,
  cols: number,
): GgufPart[] {
  const { shape, layer } = context;
  const path = `blk.${layer}.ffn_${module}_exps`;
  const weight: GgufPart = {
    name: `${path}.weight`,
    shape: [shape.numExperts, rows, cols],
    dtype: floatType(sourcesOf(context, names)[0]).toUpperCase() as GgufPart['dtype'],
    layer,
    sources: sourcesOf(context, names),
    order: null,
    read: () => stacked(context, names, pickRows(context, module, isFused, rows), cols),
  };
  if (names.bias === null) return [weight];
  const bias = { ...names, weight: names.bias, layout: 'rows' as const };
  const values: GgufPart = {
    ...weight,
    name: `${path}.bias`,
    shape: [shape.numExperts, rows],
    dtype: 'F32',
    sources: sourcesOf(context, bias),
    read: () => stacked(context, bias, pickRows(context, module, isFused, rows), 1),
  };
  return [weight, values];
}

function sourcesOf({ shape, expect }: Layer, names: LinearNames): TensorInfo[] {
  if (!names.weight.includes('{expert}')) return [expect(names.weight)];
  return Array.from({ length: shape.numExperts }, (_, expert) => expect(inExpert(names, expert).weight));
}

/** The rows of an expert's matrix that are the module's: all, or every second, or a half. */
function pickRows({ shape }: Layer, module: Module, isFused: boolean, rows: number): readonly number[] {
  const offset = module === 'up' ? 1 : 0;
  return Array.from({ length: rows }, (_, row) => {
    if (!isFused) return row;
    return shape.interleaved ? 2 * row + offset : row + offset * rows;
  });
}

/** The picked rows of all experts, one expert after another. */
async function stacked(
  context: Layer,
  names: LinearNames,
  picked: readonly number[],
  cols: number,
): Promise<Float32Array<ArrayBuffer>> {
  const { numExperts } = context.shape;
  const out = new Float32Array(numExperts * picked.length * cols);
  const whole = names.weight.includes('{expert}') ? null : await context.checkpoint.readF32(names.weight);
  for (let expert = 0; expert < numExperts; expert++) {
    const values =
      whole === null
        ? await context.checkpoint.readF32(inExpert(names, expert).weight)
        : whole.subarray((expert * whole.length) / numExperts, ((expert + 1) * whole.length) / numExperts);
    const rows = names.layout === 'transposed' ? transposed(values, values.length / cols) : values;
    picked.forEach((row, i) => {
      out.set(rows.subarray(row * cols, (row + 1) * cols), (expert * picked.length + i) * cols);
    });
  }
  return out;
}
