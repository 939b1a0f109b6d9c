import type { Test } from 'tap';
import { Fields } from '#halflight/checkpoint/fields.js';
import { loadArchitectures } from '#halflight/model/architectures.js';
import type { ModelConfig } from '#halflight/model/config.js';
import { buildModelConfig } from '#halflight/model/config-parse.js';

const architectures = await loadArchitectures();

/** A Llama config.json of the older generation, without optional keys. */
export const OLD_LLAMA = {
  architectures: ['LlamaForCausalLM'],
  hidden_act: 'silu',
  hidden_size: 64,
  intermediate_size: 128,
  max_position_embeddings: 512,
  model_type: 'llama',
  num_attention_heads: 4,
  num_hidden_layers: 3,
  rms_norm_eps: 1e-6,
  rope_scaling: null,
  rope_theta: 500000.0,
  torch_dtype: 'bfloat16',
  vocab_size: 2048,
};
export const MISTRAL = { ...OLD_LLAMA, architectures: ['MistralForCausalLM'], model_type: 'mistral' };
export const QWEN2 = { ...OLD_LLAMA, architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2' };
export const QWEN3 = { ...OLD_LLAMA, architectures: ['Qwen3ForCausalLM'], model_type: 'qwen3' };
export const LLAMA3_ROPE = {
  factor: 8,
  high_freq_factor: 4,
  low_freq_factor: 1,
  original_max_position_embeddings: 64,
  rope_type: 'llama3',
};

export function build(config: unknown, generation: unknown = {}): ModelConfig {
  return buildModelConfig(
    Fields.from(config, 'config.json'),
    Fields.from(generation, 'generation_config.json'),
    architectures,
  );
}

export function refuses(t: Test, config: unknown, key: string, problem = ''): void {
  const message = new RegExp(`^config\\.json: ${key.replaceAll('.', '\\.')}: .*${problem}`);
  t.throws(() => build(config), { name: 'CheckpointError', message });
}
