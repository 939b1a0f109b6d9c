import { readFileSync } from 'node:fs';
import type { MixtureModel } from '#halflight/calibrate/job/gguf-schemes.js';
import { f16ToF32 } from '#halflight/quant/half.js';
import { fixture } from './paths.js';

/** A model of a shape, and the types that llama-quantize gives its tensors: of each type the layers that have it, null for all of them. */
export interface Mixture {
  readonly model: MixtureModel & { readonly hiddenSize: number; readonly intermediateSize: number };
  readonly types: Readonly<
    Record<string, Readonly<Record<string, Readonly<Record<string, readonly number[] | null>>>>>
  >;
}

const file = JSON.parse(readFileSync(fixture('gguf/quantized.json'), 'utf8')) as {
  readonly blocks: Readonly<Record<string, string>> & { readonly rows: number; readonly cols: number };
  readonly mixtures: readonly Mixture[];
};

export const MIXTURES = file.mixtures;

/** A matrix with zeros, ties and outliers, as llama-quantize rounds it to a type. */
export const QUANTIZED_SIZE = { rows: file.blocks.rows, cols: file.blocks.cols };

export function quantizedValues(): Float32Array {
  const halves = new Uint16Array(Uint8Array.from(quantizedBlocks('f16')).buffer);
  const values = new Float32Array(halves.length);
  f16ToF32(halves, values);
  return values;
}

export function quantizedBlocks(type: string): Buffer {
  return Buffer.from(file.blocks[type], 'base64');
}
