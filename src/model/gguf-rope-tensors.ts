import type { Llama3Rope, ModelConfig } from './config.js';
import { mainRope } from './gguf-metadata.js';
import type { GgufPart } from './gguf-part.js';
import { llama3Divisor, ROPE_TENSORS } from './gguf-rope.js';

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
function llama3Divisors(rope: Llama3Rope): number[] {
  const { theta, rotaryDim } = rope;
  return Array.from({ length: rotaryDim / 2 }, (_, i) => {
    const frequency = Math.fround(1 / Math.fround(theta ** Math.fround((2 * i) / rotaryDim)));
    return llama3Divisor(rope, frequency);
  });
}
