import { join } from 'node:path';
import { type Checkpoint, openSafetensors } from '#halflight/checkpoint/checkpoint.js';
import { isDtype } from '#halflight/checkpoint/dtypes.js';
import { type TensorData, writeSafetensors } from '#halflight/checkpoint/safetensors-write.js';
import { ENGINE_DEFAULTS, type EngineOptions } from '#halflight/engine/options.js';
import { fixture } from './paths.js';

/** Models of three or more small random layers, one of each family, with the answers of Hugging Face's transformers in f32. */
export const DENSE_MODELS = [
  'llama',
  'mistral',
  'qwen2',
  'qwen3',
  'smollm3',
  'olmo2',
  'granite',
  'phi3',
  'gemma2',
  'gemma3',
  'gpt2',
  'gpt_neox',
] as const;
/** Of Qwen3-MoE the second layer has no experts, and weights are not normalised. */
export const EXPERT_MODELS = ['mixtral', 'qwen3_moe', 'gpt_oss'] as const;
export const TINY_MODELS = [...DENSE_MODELS, ...EXPERT_MODELS] as const;
export type TinyModel = (typeof TINY_MODELS)[number];

export function tinyDir(model: TinyModel): string {
  return fixture(`tiny/${model}`);
}

/** Options that fit a tiny model, so that little memory is set aside. */
export function tinyOptions(model: TinyModel, changes: Partial<EngineOptions> = {}): EngineOptions {
  return {
    ...ENGINE_DEFAULTS,
    modelDir: tinyDir(model),
    maxModelLen: 160,
    maxNumBatchedTokens: 64,
    ...changes,
  };
}

/** What the reference implementation made of one prompt. */
export interface ReferenceRun {
  readonly promptTokenIds: readonly number[];
  /** `[rows][vocab]`, after each of the last tokens of the prompt. */
  readonly logits: Float32Array;
  readonly greedyTokenIds: readonly number[];
}

/** Runs of `reference.safetensors` beside a model's weights. @param path the model's folder, or a file like that */
export async function referenceRuns(path: string): Promise<readonly ReferenceRun[]> {
  const file = await openSafetensors(
    path.endsWith('.safetensors') ? path : join(path, 'reference.safetensors'),
  );
  const ids = async (name: string) =>
    Array.from(new BigInt64Array((await file.read(name)).data.buffer), Number);
  const runs: ReferenceRun[] = [];
  for (let i = 0; file.tensors.has(`input_ids_${i}`); i++) {
    runs.push({
      promptTokenIds: await ids(`input_ids_${i}`),
      logits: await file.readF32(`logits_${i}`),
      greedyTokenIds: await ids(`greedy_${i}`),
    });
  }
  await file.close();
  return runs;
}

/** A copy of a tiny model's weights in `dir`, with each tensor as `change` makes it; null drops it. */
export async function changedCheckpoint(
  dir: string,
  model: TinyModel,
  change: (tensor: TensorData) => TensorData | null,
): Promise<Checkpoint> {
  const source = await openSafetensors(join(tinyDir(model), 'model.safetensors'));
  const tensors: TensorData[] = [];
  for (const { name, dtype, shape } of source.tensors.values()) {
    if (!isDtype(dtype)) throw new Error(`${dtype} is no type of safetensors`);
    const changed = change({ name, dtype, shape, data: (await source.read(name)).data });
    if (changed !== null) tensors.push(changed);
  }
  await source.close();
  const file = join(dir, 'model.safetensors');
  await writeSafetensors(file, tensors);
  return openSafetensors(file);
}
