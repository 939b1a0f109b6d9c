import { describe, type Fields } from '../checkpoint/fields.js';

/** Values of `tokenizer.ggml.token_type`. */
export const TOKEN_TYPES = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Control tokens that end a generation by their name: converters keep only one id of those that a model lists. */
const END_TOKENS: ReadonlySet<string> = new Set([
  '<|eot_id|>',
  '<|eom_id|>',
  '<|im_end|>',
  '<|end|>',
  '<|end_of_text|>',
  '<|endoftext|>',
  '<end_of_turn>',
  '<｜end▁of▁sentence｜>',
  '<|return|>',
  '<|call|>',
]);
/** In a vocabulary with `<|return|>` (gpt-oss) it ends a message, after which the answer may go on. */
const MESSAGE_END = '<|end|>';

/** A vocabulary in order of ids. */
export interface GgufTokens {
  readonly texts: readonly string[];
  /** Values of `TOKEN_TYPES`. */
  readonly types: readonly number[];
}

/** Throws CheckpointError naming the key. */
export function readTokens(metadata: Fields): GgufTokens {
  const texts = metadata.strings('tokenizer.ggml.tokens');
  const types = metadata.has('tokenizer.ggml.token_type')
    ? numbers(metadata, 'tokenizer.ggml.token_type', texts.length)
    : texts.map(() => TOKEN_TYPES.normal);
  return { texts, types };
}

/** One number per token. Throws CheckpointError. */
export function numbers(metadata: Fields, key: string, count: number): number[] {
  const values = metadata.list(key);
  if (values.length !== count) throw metadata.error(key, `${values.length} entries for ${count} tokens`);
  return values.map((value) => {
    if (typeof value === 'number' && !Number.isNaN(value)) return value;
    throw metadata.error(key, `must hold numbers, holds ${describe(value)}`);
  });
}

/** Ids of the tokens that end a generation: those that the metadata names, and control tokens of well-known names. */
export function endTokens(metadata: Fields): number[] {
  const keys = ['eos', 'eot', 'eom'].map((name) => `tokenizer.ggml.${name}_token_id`);
  const named = keys
    .filter((key) => metadata.has(key))
    .map((key) => metadata.integer(key, { min: 0, max: 2 ** 32 - 1 }));
  if (!metadata.has('tokenizer.ggml.tokens')) return named;
  const { texts, types } = readTokens(metadata);
  const isMessageEnd = (text: string) => text === MESSAGE_END && texts.includes('<|return|>');
  const byName = texts.flatMap((text, id) =>
    types[id] === TOKEN_TYPES.control && END_TOKENS.has(text) && !isMessageEnd(text) ? [id] : [],
  );
  return [...new Set([...named, ...byName])];
}
