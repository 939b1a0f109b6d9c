import { type Checkpoint, widen } from '#halflight/checkpoint/checkpoint.js';
import type { GgufTensorData } from './gguf.js';

const MODULE = /^model\.layers\.(\d+)\.(?:block_sparse_moe|mlp)\.experts\.(\d+)\.(\w+)\.weight$/;
const STACKED = /^model\.layers\.(\d+)\.mlp\.experts\.(gate_up|down)_proj(_bias)?$/;
const MODULES: Readonly<Record<string, string>> = {
  w1: 'gate',
  gate_proj: 'gate',
  w2: 'down',
  down_proj: 'down',
  w3: 'up',
  up_proj: 'up',
};

export function isOfExperts(name: string): boolean {
  return MODULE.test(name) || STACKED.test(name);
}

/** A bfloat16 model's experts as llama.cpp's converter writes them: those of a layer in one tensor, gate apart from up, rows of outputs. */
export async function expertTensors(checkpoint: Checkpoint): Promise<readonly GgufTensorData[]> {
  const joined = new Map<string, GgufTensorData>();
  const stacked: GgufTensorData[] = [];
  for (const { name, shape } of checkpoint.tensors.values()) {
    const [, layer, , module] = MODULE.exec(name) ?? [];
    if (layer !== undefined) {
      const key = `blk.${layer}.ffn_${MODULES[module]}_exps.weight`;
      const { data } = await checkpoint.read(name);
      joined.set(key, grown(joined.get(key), key, shape, data));
    }
    if (STACKED.test(name)) stacked.push(...(await split(checkpoint, name)));
  }
  return [...joined.values(), ...stacked];
}

/** One more expert. The checkpoints list them in order. */
function grown(
  before: GgufTensorData | undefined,
  name: string,
  shape: readonly number[],
  data: Uint8Array,
): GgufTensorData {
  const dims = [...shape.toReversed(), (before?.dims[2] ?? 0) + 1];
  return { name, type: 'BF16', dims, data: Buffer.concat([before?.data ?? new Uint8Array(), data]) };
}

/** gpt-oss: `[experts][inputs][outputs]`, where the outputs of gate and up take turns, and biases alike. */
async function split(checkpoint: Checkpoint, name: string): Promise<GgufTensorData[]> {
  const [, layer, module, bias] = STACKED.exec(name) ?? [];
  const tensor = await checkpoint.read(name);
  const [experts, ...sizes] = tensor.info.shape;
  const [inputs, outputs] = bias === undefined ? sizes : [1, sizes[0]];
  const parts = module === 'down' ? ['down'] : ['gate', 'up'];
  const perPart = outputs / parts.length;
  const values = bias === undefined ? new Uint16Array(tensor.data.buffer) : widen(tensor);
  return parts.map((part, turn) => {
    const own = values.slice();
    let at = 0;
    for (let expert = 0; expert < experts; expert++) {
      for (let n = 0; n < perPart; n++) {
        for (let k = 0; k < inputs; k++)
          own[at++] = values[(expert * inputs + k) * outputs + n * parts.length + turn];
      }
    }
    const kind = bias === undefined ? 'weight' : 'bias';
    const dims = bias === undefined ? [inputs, perPart, experts] : [perPart, experts];
    const data = new Uint8Array(own.slice(0, at).buffer);
    return {
      name: `blk.${layer}.ffn_${part}_exps.${kind}`,
      type: bias === undefined ? 'BF16' : 'F32',
      dims,
      data,
    };
  });
}
