import { type Checkpoint, openCheckpoint } from './checkpoint.js';
import { type GgufCheckpoint, openGguf } from './gguf/checkpoint.js';
import { isGguf } from './gguf/header.js';

/** Opens the weights of a model directory, or a GGUF file. Rejects with CheckpointError. */
export async function openWeights(model: string): Promise<Checkpoint | GgufCheckpoint> {
  return isGguf(model) ? openGguf(model) : openCheckpoint(model);
}
