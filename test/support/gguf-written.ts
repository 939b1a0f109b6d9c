import type { Test } from 'tap';
import { readBack } from '#halflight/checkpoint/gguf/write.js';
import { openModelCheckpoint } from '#halflight/checkpoint/quantized/quantized.js';
import { parseModelConfig } from '#halflight/model/config-parse.js';
import { ggufModel } from '#halflight/model/gguf-model.js';
import { copyTinyModel, editConfig } from './models.js';
import type { TinyModel } from './tiny.js';

/** What of two tiny models GGUF has no key for: every fourth layer without rotation, and that weights of experts do not sum to 1. */
const WRITABLE: Partial<Readonly<Record<TinyModel, Readonly<Record<string, unknown>>>>> = {
  smollm3: { no_rope_layers: [1, 1, 1, 0] },
  qwen3_moe: { norm_topk_prob: true, num_hidden_layers: 1, mlp_only_layers: [] },
};

/** A copy of a tiny model, with what can be written in place of what cannot. */
export async function writableTiny(t: Test, model: TinyModel): Promise<string> {
  const dir = await copyTinyModel(t, model);
  await editConfig(dir, WRITABLE[model] ?? {});
  return dir;
}

/** A model's directory as GGUF. */
export async function writtenModel(t: Test, dir: string) {
  const config = await parseModelConfig(dir);
  const checkpoint = await openModelCheckpoint(dir);
  t.teardown(() => checkpoint.close());
  const model = await ggufModel(dir, config, checkpoint, 'tiny');
  return { config, checkpoint, ...model, keys: readBack(model.metadata) };
}
