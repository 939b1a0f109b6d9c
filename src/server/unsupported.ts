import { isDeepStrictEqual } from 'node:util';
import { ApiError } from '../errors.js';

interface UnsupportedParameter {
  readonly name: string;
  /** Values beside null that ask for nothing. */
  readonly neutral: readonly unknown[];
}

/** Parameters of OpenAI and vLLM that would change the answer, and that this server does not have: refused, never ignored. */
const COMMON: readonly UnsupportedParameter[] = [
  { name: 'best_of', neutral: [1] },
  { name: 'length_penalty', neutral: [1] },
  { name: 'use_beam_search', neutral: [false] },
  { name: 'guided_decoding_backend', neutral: ['auto', 'xgrammar'] },
  { name: 'guided_whitespace_pattern', neutral: [] },
  { name: 'logits_processors', neutral: [[]] },
  { name: 'kv_transfer_params', neutral: [] },
];

export const UNSUPPORTED_COMPLETION: readonly UnsupportedParameter[] = [
  ...COMMON,
  { name: 'prompt_embeds', neutral: [] },
];

export const UNSUPPORTED_CHAT: readonly UnsupportedParameter[] = [
  ...COMMON,
  { name: 'functions', neutral: [[]] },
  { name: 'function_call', neutral: ['none', 'auto'] },
  { name: 'modalities', neutral: [['text']] },
  { name: 'audio', neutral: [] },
  { name: 'prediction', neutral: [] },
  { name: 'web_search_options', neutral: [] },
];

/** Of vLLM: what it has in place of `input`, how its numbers are written, and what is `normalize` here. */
export const UNSUPPORTED_EMBEDDINGS: readonly UnsupportedParameter[] = [
  { name: 'messages', neutral: [] },
  { name: 'embed_dtype', neutral: ['float32'] },
  { name: 'endianness', neutral: ['native', 'little'] },
  { name: 'use_activation', neutral: [true] },
  { name: 'truncation_side', neutral: ['left'] },
];

/** @throws ApiError `unsupported_parameter` for the first one that asks for something */
export function refuseUnsupported(body: object, parameters: readonly UnsupportedParameter[]): void {
  for (const { name, neutral } of parameters) {
    const value = valueAt(body, name);
    if (value === undefined || value === null) continue;
    if (neutral.some((allowed) => isDeepStrictEqual(value, allowed))) continue;
    throw new ApiError('unsupported_parameter', `${name} is not supported yet; ${remedy(neutral)}.`, name);
  }
}

function remedy(neutral: readonly unknown[]): string {
  if (neutral.length === 0) return 'leave it out';
  return `leave it out or send ${neutral.map((value) => JSON.stringify(value)).join(' or ')}`;
}

function valueAt(body: object, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => {
    const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    return isObject ? Reflect.get(value, key) : undefined;
  }, body);
}
