import type { Llama3Rope, ModelConfig } from './config.js';
import { mainRope } from './gguf-metadata.js';
import type { GgufPart } from './gguf-part.js';
import { ROPE_TENSORS } from './gguf-rope.js';

/** Divisors of the rotation's frequencies, `[rotaryDim / 2]` in f32, where the model's scaling needs them. */
export function ropeTensors(config: ModelConfig): readonly GgufPart[] {
  const rope = mainRope(config);
  if (rope?.type === 'llama3') return [table(ROPE_TENSORS.all, llama3Divisors(rope))];
  if (rope?.type !== 'longrope') return [];
  return [table(ROPE_TENSORS.long, rope.long), table(ROPE_TENSORS.short, rope.short)];
}

function table(name: string, values: readonly number[]): GgufPart {
  return {
    name,
    shape: [values.length],
    dtype: 'F32',
    layer: null,
    sources: [],
    order: null,
    read: async () => Float32Array.from(values),
  };
}

/** See `Llama3Rope`. Frequencies are rounded to f32, as the converter computes them. */
function llama3Divisors({ theta, rotaryDim, factor, ...rope }: Llama3Rope): number[] {
  return Array.from({ length: rotaryDim / 2 }, (_, i) => {
    const frequency = Math.fround(1 / Math.fround(theta ** Math.fround((2 * i) / rotaryDim)));
    const turns = (rope.originalMaxPositions * frequency) / (2 * Math.PI);
    if (turns > rope.highFreqFactor) return 1;
    if (turns < rope.lowFreqFactor) return factor;
    const kept = (turns - rope.lowFreqFactor) / (rope.highFreqFactor - rope.lowFreqFactor);
    return 1 / ((1 - kept) / factor + kept);
  });
}
