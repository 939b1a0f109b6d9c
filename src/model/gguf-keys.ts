import type { Fields } from '../checkpoint/fields.js';

/** Keys under the architecture's prefix that are read; `llama` alone has a window, that of Mistral. */
const ARCHITECTURE_KEYS: ReadonlySet<string> = new Set(
  [
    'context_length embedding_length block_count feed_forward_length attention.head_count attention.head_count_kv vocab_size',
    'attention.layer_norm_rms_epsilon attention.key_length attention.value_length rope.freq_base rope.dimension_count',
    'rope.scaling.type rope.scaling.factor rope.scaling.original_context_length rope.scaling.finetuned',
  ].flatMap((line) => line.split(' ')),
);

/** Keys of the tokenizer that are read, or that say nothing about ids. */
const TOKENIZER_KEYS: ReadonlySet<string> = new Set(
  [
    'model pre tokens scores token_type merges add_bos_token add_eos_token add_space_prefix token_type_count',
    'bos_token_id eos_token_id eot_token_id eom_token_id unknown_token_id padding_token_id seperator_token_id mask_token_id cls_token_id',
  ].flatMap((line) => line.split(' ')),
);
const FIM_TOKEN = /^(?:fim_\w+|prefix|suffix|middle)_token_id$/;

/**
 * Refuses keys of the architecture and of the tokenizer that may change the result and that nothing here reads. Values that switch a feature
 * off pass. Other keys describe the file, or belong to other programs. Throws CheckpointError.
 */
export function checkKeys(metadata: Fields, architecture: string): void {
  refuseParts(metadata);
  for (const key of metadata.keys()) {
    if (isKnown(key, architecture) || isOff(metadata.raw(key))) continue;
    throw metadata.error(key.slice(0, 80), 'not understood, and it may change the result');
  }
}

function isKnown(key: string, architecture: string): boolean {
  const [prefix, rest] = [`${architecture}.`, 'tokenizer.ggml.'].map((start) =>
    key.startsWith(start) ? key.slice(start.length) : null,
  );
  if (prefix !== null) {
    const isWindow = architecture === 'llama' && prefix === 'attention.sliding_window';
    return isWindow || ARCHITECTURE_KEYS.has(prefix);
  }
  return rest === null || TOKENIZER_KEYS.has(rest) || FIM_TOKEN.test(rest);
}

function refuseParts(metadata: Fields): void {
  const count = metadata.integer('split.count', { min: 0 }, 1);
  if (count > 1) {
    throw metadata.error('split.count', `a part of ${count}; join them with llama-gguf-split --merge`);
  }
  const type = metadata.string('general.type', 'model');
  if (type !== 'model') throw metadata.error('general.type', `${type.slice(0, 80)} is no model`);
}

function isOff(value: unknown): boolean {
  return (
    value === null ||
    value === false ||
    value === 0 ||
    value === '' ||
    (Array.isArray(value) && value.length === 0)
  );
}
