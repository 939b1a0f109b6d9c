import { Fields } from '../checkpoint/fields.js';
import { UserError } from '../errors.js';
import { loadArchitectures } from '../model/architectures.js';
import type { ModelConfig } from '../model/config.js';
import { buildModelConfig } from '../model/config-parse.js';

/** Sizes of published models, as keys of their config.json. Source: the models' pages on Hugging Face. */
export const SHAPES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'SmolLM2-135M': {
    architectures: ['LlamaForCausalLM'],
    hidden_size: 576,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    head_dim: 64,
    intermediate_size: 1536,
    vocab_size: 49_152,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
    rope_theta: 100_000,
    tie_word_embeddings: true,
  },
  'Qwen2.5-0.5B': {
    architectures: ['Qwen2ForCausalLM'],
    hidden_size: 896,
    num_hidden_layers: 24,
    num_attention_heads: 14,
    num_key_value_heads: 2,
    head_dim: 64,
    intermediate_size: 4864,
    vocab_size: 151_936,
    max_position_embeddings: 32_768,
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    tie_word_embeddings: true,
    use_sliding_window: false,
  },
  'Llama-3.2-1B': {
    architectures: ['LlamaForCausalLM'],
    hidden_size: 2048,
    num_hidden_layers: 16,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 64,
    intermediate_size: 8192,
    vocab_size: 128_256,
    max_position_embeddings: 131_072,
    rms_norm_eps: 1e-5,
    rope_theta: 500_000,
    tie_word_embeddings: true,
  },
  'Llama-3.1-8B': {
    architectures: ['LlamaForCausalLM'],
    hidden_size: 4096,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 128,
    intermediate_size: 14_336,
    vocab_size: 128_256,
    max_position_embeddings: 131_072,
    rms_norm_eps: 1e-5,
    rope_theta: 500_000,
    tie_word_embeddings: false,
  },
  'gpt-oss-20b': {
    architectures: ['GptOssForCausalLM'],
    hidden_size: 2880,
    num_hidden_layers: 24,
    num_attention_heads: 64,
    num_key_value_heads: 8,
    head_dim: 64,
    intermediate_size: 2880,
    num_local_experts: 32,
    num_experts_per_tok: 4,
    vocab_size: 201_088,
    max_position_embeddings: 131_072,
    rms_norm_eps: 1e-5,
    rope_theta: 150_000,
    sliding_window: 128,
    tie_word_embeddings: false,
  },
  'Qwen3-30B-A3B': {
    architectures: ['Qwen3MoeForCausalLM'],
    hidden_size: 2048,
    num_hidden_layers: 48,
    num_attention_heads: 32,
    num_key_value_heads: 4,
    head_dim: 128,
    intermediate_size: 6144,
    moe_intermediate_size: 768,
    num_experts: 128,
    num_experts_per_tok: 8,
    norm_topk_prob: true,
    vocab_size: 151_936,
    max_position_embeddings: 40_960,
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    tie_word_embeddings: false,
  },
};

export const SMALLEST_SHAPE = 'SmolLM2-135M';
export const LARGEST_SHAPE = 'Llama-3.1-8B';

/**
 * The configuration of a model of that shape. The scaling of Llama 3's rotation is left out: it changes no shape and no time.
 * @param flag named in the UserError for a shape that is not known
 */
export async function shapeConfig(name: string, flag: string): Promise<ModelConfig> {
  const shape = Object.hasOwn(SHAPES, name) ? SHAPES[name] : undefined;
  if (shape === undefined) {
    throw new UserError(`${flag}: ${JSON.stringify(name)} is none of ${Object.keys(SHAPES).join(', ')}`);
  }
  return buildModelConfig(Fields.from(shape, name), Fields.from({}, name), await loadArchitectures());
}
