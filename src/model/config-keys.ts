import { type Fields, isOff } from '../checkpoint/fields.js';

/** Keys of config.json that never change what a forward pass computes: training, bookkeeping, and defaults of generation. */
const HARMLESS_KEYS: ReadonlySet<string> = new Set(
  [
    'attention_dropout attn_implementation attn_pdrop dtype embd_pdrop finetuning_task gradient_checkpointing hidden_dropout',
    'id2label initializer_range is_decoder is_encoder_decoder is_llama_config label2id language license max_sequence_length',
    'model_max_length model_type output_attentions output_hidden_states output_router_logits output_scores pad_token_id',
    'pretraining_tp problem_type resid_pdrop return_dict return_dict_in_generate router_aux_loss_coef sep_token_id',
    'task_specific_params tf_legacy_loss tokenizer_class torch_dtype torchscript transformers.js_config transformers_version',
    'unsloth_fixed unsloth_version use_bfloat16 use_cache use_flash_attn use_flash_attention cache_implementation',
    'do_sample early_stopping diversity_penalty length_penalty max_length max_new_tokens min_length no_repeat_ngram_size num_beams',
    'num_beam_groups num_return_sequences repetition_penalty temperature top_k top_p typical_p',
  ].flatMap((line) => line.split(' ')),
);

/** Keys that `config-parse.ts`, or the checkpoint, reads for every architecture. */
const READ_KEYS: ReadonlySet<string> = new Set(
  [
    'architectures vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads head_dim',
    'max_position_embeddings rms_norm_eps hidden_act rope_theta rope_scaling rope_parameters tie_word_embeddings bos_token_id',
    'eos_token_id layer_types partial_rotary_factor quantization_config',
  ].flatMap((line) => line.split(' ')),
);

/**
 * Refuses a key that may change the result and that nothing here reads: served without it, the model would answer wrongly in silence.
 * Values that switch a feature off pass, and so do private keys with a leading underscore.
 * @param familyKeys keys that the architecture reads besides the common ones
 */
export function refuseUnknownKeys(config: Fields, familyKeys: ReadonlySet<string>): void {
  for (const key of config.keys()) {
    if (READ_KEYS.has(key) || familyKeys.has(key) || HARMLESS_KEYS.has(key) || key.startsWith('_')) continue;
    if (isOff(config.raw(key))) continue;
    throw config.error(
      key,
      'not understood, and it may change the result; remove it if you know that it does not',
    );
  }
}
