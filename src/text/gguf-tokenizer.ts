import { describe, type Fields } from '../checkpoint/fields.js';
import { readGgufHeader } from '../checkpoint/gguf/header.js';
import { PRE_TOKENIZERS, type PreTokenizer } from './gguf-pre-tokenizers.js';
import { type GgufTokens, numbers, readTokens, TOKEN_TYPES } from './gguf-tokens.js';
import type { JsonObject } from './json-file.js';

/** What the two files of a model directory would say. */
export interface TokenizerFiles {
  /** `tokenizer.json` */
  readonly json: JsonObject;
  /** `tokenizer_config.json`, with the chat template. */
  readonly config: JsonObject;
}

/** SentencePiece writes a space as U+2581. */
export const SPACE = '\u2581';

/** Reads the tokenizer of a GGUF file. Throws CheckpointError naming the file and the key. */
export function readGgufTokenizer(file: string): TokenizerFiles {
  const { metadata } = readGgufHeader(file);
  return { json: tokenizerJson(metadata), config: tokenizerConfig(metadata) };
}

/** Chat template and the tokens that it may name. Throws CheckpointError. */
export function readGgufTokenizerConfig(file: string): JsonObject {
  return tokenizerConfig(readGgufHeader(file).metadata);
}

/** Exported for tests. */
export function tokenizerJson(metadata: Fields): JsonObject {
  const model = metadata.string('tokenizer.ggml.model');
  const tokens = readTokens(metadata);
  if (model === 'gpt2') return bpeJson(metadata, tokens);
  if (model === 'llama') return sentencePieceJson(metadata, tokens);
  throw metadata.error('tokenizer.ggml.model', `${describe(model)} is not read; known: gpt2, llama`);
}

function tokenizerConfig(metadata: Fields): JsonObject {
  const { texts } = readTokens(metadata);
  const token = (name: string) => {
    const id = tokenId(metadata, name, texts.length);
    return id === null ? {} : { [`${name === 'unknown' ? 'unk' : name}_token`]: texts[id] };
  };
  return {
    ...token('bos'),
    ...token('eos'),
    ...token('unknown'),
    chat_template: metadata.has('tokenizer.chat_template')
      ? metadata.string('tokenizer.chat_template')
      : null,
  };
}

function bpeJson(metadata: Fields, tokens: GgufTokens): JsonObject {
  const name = metadata.string('tokenizer.ggml.pre', 'default');
  const cut = PRE_TOKENIZERS.get(name);
  if (cut === undefined) {
    const known = [...PRE_TOKENIZERS.keys()].join(', ');
    throw metadata.error('tokenizer.ggml.pre', `${describe(name)} is not read; known: ${known}`);
  }
  return {
    added_tokens: addedTokens(tokens),
    normalizer: null,
    pre_tokenizer: preTokenizer(cut),
    post_processor: postProcessor(metadata, tokens, cut.addBos),
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      vocab: vocabulary(tokens),
      merges: readMerges(metadata),
      unk_token: null,
      ignore_merges: cut.ignoreMerges,
    },
  };
}

function preTokenizer({ patterns }: PreTokenizer): JsonObject {
  const splits = patterns.map((Regex) => ({
    type: 'Split',
    pattern: { Regex },
    behavior: 'Isolated',
    invert: false,
  }));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  return { type: 'Sequence', pretokenizers: [...splits, byteLevel] };
}

/** Two tokens with a space between them; the first may itself start with one. */
function readMerges(metadata: Fields): [string, string][] {
  const key = 'tokenizer.ggml.merges';
  return metadata.strings(key).map((merge, i) => {
    const space = merge.indexOf(' ', 1);
    if (space === -1) throw metadata.error(`${key}[${i}]`, `must be two tokens, is ${describe(merge)}`);
    return [merge.slice(0, space), merge.slice(space + 1)];
  });
}

function sentencePieceJson(metadata: Fields, tokens: GgufTokens): JsonObject {
  const scores = numbers(metadata, 'tokenizer.ggml.scores', tokens.texts.length);
  const unknown = tokenId(metadata, 'unknown', tokens.texts.length) ?? 0;
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: SPACE };
  const restore = { type: 'Replace', pattern: { String: SPACE }, content: ' ' };
  const prefix = metadata.boolean('tokenizer.ggml.add_space_prefix', true);
  const normalizers = prefix ? [{ type: 'Prepend', prepend: SPACE }, replace] : [replace];
  const strip = prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [];
  return {
    added_tokens: addedTokens(tokens).map(withSpaces),
    normalizer: { type: 'Sequence', normalizers },
    pre_tokenizer: null,
    post_processor: postProcessor(metadata, tokens, true),
    decoder: {
      type: 'Sequence',
      decoders: [restore, { type: 'ByteFallback' }, { type: 'Fuse' }, ...strip],
    },
    model: {
      type: 'BPE',
      vocab: vocabulary(tokens),
      merges: mergesOfScores(tokens, scores),
      unk_token: tokens.texts[unknown],
      fuse_unk: true,
      byte_fallback: true,
    },
  };
}

/**
 * Merges that build the same tokens as SentencePiece's scores: of two neighbours, those whose union has the highest score are joined first.
 * Every way to cut a token in two is a merge of its rank; equal scores go by id.
 */
export function mergesOfScores({ texts, types }: GgufTokens, scores: readonly number[]): [string, string][] {
  const known = new Set(texts);
  const ids = texts.map((_, id) => id).filter((id) => types[id] === TOKEN_TYPES.normal);
  return ids
    .sort((a, b) => scores[b] - scores[a] || a - b)
    .flatMap((id) => cuts(texts[id]).filter(([left, right]) => known.has(left) && known.has(right)));
}

/** Between characters, never within one. */
function cuts(text: string): [string, string][] {
  const chars = Array.from(text);
  let at = 0;
  return chars.slice(0, -1).map((char) => {
    at += char.length;
    return [text.slice(0, at), text.slice(at)];
  });
}

/** Of a text that stands twice, the first id counts. */
function vocabulary({ texts }: GgufTokens): Record<string, number> {
  const entries = texts.map((text, id): [string, number] => [text, id]);
  return Object.fromEntries(entries.reverse());
}

/** Runs of spaces that are tokens by themselves (Gemma) are found in the text as it is, the longest first. */
function withSpaces(token: AddedToken): AddedToken {
  return token.special ? token : { ...token, content: token.content.replaceAll(SPACE, ' ') };
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
}

/** Control tokens and the unknown one are special; user-defined ones are found in plain text too. */
function addedTokens({ texts, types }: GgufTokens): AddedToken[] {
  const isAdded = (type: number) =>
    type === TOKEN_TYPES.control || type === TOKEN_TYPES.unknown || type === TOKEN_TYPES.userDefined;
  return texts.flatMap((content, id) => {
    if (!isAdded(types[id]) || content === '') return [];
    return [{ id, content, special: types[id] !== TOKEN_TYPES.userDefined, normalized: false }];
  });
}

/** The text, between the tokens that the flags ask for. */
function postProcessor(metadata: Fields, { texts }: GgufTokens, addBos: boolean): JsonObject {
  const flag = (name: 'bos' | 'eos', fallback: boolean) => {
    const id = metadata.boolean(`tokenizer.ggml.add_${name}_token`, fallback)
      ? tokenId(metadata, name, texts.length)
      : null;
    return id === null ? [] : [{ id, text: texts[id] }];
  };
  const before = flag('bos', addBos);
  const after = flag('eos', false);
  const item = ({ text }: { text: string }) => ({ SpecialToken: { id: text, type_id: 0 } });
  const sequence = (id: string) => [
    ...before.map(item),
    { Sequence: { id, type_id: 0 } },
    ...after.map(item),
  ];
  return {
    type: 'TemplateProcessing',
    single: sequence('A'),
    pair: [...sequence('A'), ...sequence('B')],
    special_tokens: Object.fromEntries(
      [...before, ...after].map(({ id, text }) => [text, { id: text, ids: [id], tokens: [text] }]),
    ),
  };
}

/** null where the file names none. Throws CheckpointError where it is outside the vocabulary. */
function tokenId(metadata: Fields, name: string, numTokens: number): number | null {
  const key = `tokenizer.ggml.${name}_token_id`;
  return metadata.has(key) ? metadata.integer(key, { min: 0, max: numTokens - 1 }) : null;
}
