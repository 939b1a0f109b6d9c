import { type GgufCheckpoint, openGguf } from './gguf/checkpoint.js';
import { isGguf } from './gguf/header.js';
import { type ModelCheckpoint, openModelCheckpoint } from './quantized/quantized.js';

/** Opens the weights of a model directory, or a GGUF file. Rejects with CheckpointError. */
export async function openWeights(model: string): Promise<ModelCheckpoint | GgufCheckpoint> {
  return isGguf(model) ? openGguf(model) : openModelCheckpoint(model);
}
