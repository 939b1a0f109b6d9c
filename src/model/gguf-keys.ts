import { type Fields, isOff } from '../checkpoint/fields.js';
import type { Architecture } from './architectures.js';
import { expertKeys } from './experts-config.js';
import { slidingWindowKeys } from './sliding-window.js';

/** Keys of config.json that every family reads, and where GGUF has them below the architecture's prefix. */
const COMMON = {
  hidden_size: 'embedding_length',
  intermediate_size: 'feed_forward_length',
  num_hidden_layers: 'block_count',
  num_attention_heads: 'attention.head_count',
  num_key_value_heads: 'attention.head_count_kv',
  head_dim: 'attention.key_length',
  max_position_embeddings: 'context_length',
  rope_theta: 'rope.freq_base',
  rope_scaling: 'rope.scaling',
  partial_rotary_factor: 'rope.dimension_count',
} as const;
type CommonKey = keyof typeof COMMON | 'rms_norm_eps' | 'bos_token_id' | 'eos_token_id';

/** Keys that some families read. */
const OPTIONAL = {
  sliding_window: 'attention.sliding_window',
  sliding_window_pattern: 'attention.sliding_window_pattern',
  attn_logit_softcapping: 'attn_logit_softcapping',
  final_logit_softcapping: 'final_logit_softcapping',
  attention_multiplier: 'attention.scale',
  embedding_multiplier: 'embedding_scale',
  residual_multiplier: 'residual_scale',
  logits_scaling: 'logit_scale',
  use_parallel_residual: 'use_parallel_residual',
  rope_local_base_freq: 'rope.freq_base_swa',
  num_experts: 'expert_count',
  num_experts_per_tok: 'expert_used_count',
  moe_intermediate_size: 'expert_feed_forward_length',
} as const;

/** Names of config.json's keys in a file's metadata, as far as a family reads them. */
export type GgufNames = Readonly<Record<CommonKey, string>> &
  Readonly<Partial<Record<keyof typeof OPTIONAL, string>>>;

/** @param prefix the file's `general.architecture` */
export function ggufNames(prefix: string, family: Architecture): GgufNames {
  const { norm, keys, slidingWindow } = family;
  const hasWindow = slidingWindow === 'all' || slidingWindow === 'pattern';
  const read = new Set<string>([
    ...keys,
    ...expertKeys(family),
    ...(hasWindow ? slidingWindowKeys(slidingWindow) : []),
  ]);
  const below = ([key, name]: [string, string]) => [key, `${prefix}.${name}`];
  const optional = Object.entries(OPTIONAL).filter(([key]) => read.has(key));
  return {
    ...(Object.fromEntries(Object.entries(COMMON).map(below)) as Record<keyof typeof COMMON, string>),
    ...Object.fromEntries(optional.map(below)),
    rms_norm_eps: `${prefix}.attention.${norm === 'rms' ? 'layer_norm_rms_epsilon' : 'layer_norm_epsilon'}`,
    bos_token_id: 'tokenizer.ggml.bos_token_id',
    eos_token_id: 'tokenizer.ggml.eos_token_id',
  };
}

/** Keys of the tokenizer that are read, or that say nothing about ids. */
const TOKENIZER_KEYS: ReadonlySet<string> = new Set(
  [
    'model pre tokens scores token_type merges add_bos_token add_eos_token add_space_prefix token_type_count',
    'bos_token_id eos_token_id eot_token_id eom_token_id unknown_token_id padding_token_id seperator_token_id mask_token_id cls_token_id',
  ].flatMap((line) => line.split(' ')),
);
const FIM_TOKEN = /^(?:fim_\w+|prefix|suffix|middle)_token_id$/;
const TOKENIZER = 'tokenizer.ggml.';

/**
 * Refuses files that are no model, and keys of the tokenizer that may change the ids and that nothing here reads. Values that switch a
 * feature off pass. Keys beyond the architecture's and the tokenizer's describe the file, or belong to other programs. Throws CheckpointError.
 */
export function checkKeys(metadata: Fields): void {
  refuseOthers(metadata);
  for (const key of metadata.keys()) {
    const name = key.startsWith(TOKENIZER) ? key.slice(TOKENIZER.length) : null;
    if (name === null || TOKENIZER_KEYS.has(name) || FIM_TOKEN.test(name)) continue;
    if (isOff(metadata.raw(key))) continue;
    throw metadata.error(key.slice(0, 80), 'not understood, and it may change the result');
  }
}

function refuseOthers(metadata: Fields): void {
  const type = metadata.string('general.type', 'model');
  if (type !== 'model') throw metadata.error('general.type', `${type.slice(0, 80)} is no model`);
}
