import { Fields } from '../checkpoint/fields.js';
import { type GgufMetadata, type GgufValue, readBack } from '../checkpoint/gguf/write.js';
import { CheckpointError } from '../errors.js';
import { PRE_TOKENIZERS } from './gguf-pre-tokenizers.js';
import { SPACE, type TokenizerFiles, tokenizerJson } from './gguf-tokenizer.js';
import { endTokens, TOKEN_TYPES } from './gguf-tokens.js';
import { isJsonObject, type JsonObject } from './json-file.js';
import { Tokenizer } from './tokenizer.js';

/** What a model says of its tokens, beside the tokenizer's own files. */
export interface VocabularyModel {
  /** Named in errors. */
  readonly file: string;
  readonly files: TokenizerFiles;
  readonly template: string | null;
  /** `config.json`, for ids that the tokenizer's files do not tell. */
  readonly config: JsonObject;
  /** Rows of the embedding. */
  readonly vocabSize: number;
  readonly eosTokenIds: readonly number[];
}

/** A token of the vocabulary, or what stands in a row of the embedding that has none. */
interface Entry {
  readonly text: string;
  readonly type: number;
  readonly score: number;
}

/** Cuts of text, contractions, digits, capitals, lines and spaces: what pre-tokenizers differ in. */
const PROBES: readonly string[] = [
  "Don't we'LL they'Re I'VE 'tis  two  spaces\n\nnew\tline  \r\n\r\n end",
  '1234567 3.5% 12 345 (x_1) y += 1000000; a->b() {\n\treturn "x";\n}\n\n\n',
  'HTTPServer getURLs iPhone WORLDwide naïve café ÀÉÎ Straße — “quotes”… 日本語 テスト 한국어 🙂🚀',
  'Привет, мир! مرحبا שלום ไทย ============ ///// ...... !?!?\n',
  'Once upon a time, there was a little girl named Lily. She said, "Mom, look!"',
];
const BOTH = { addSpecialTokens: true, parseSpecialTokens: true };
/** Of tokens that no merge makes: below all that one does. */
const UNMERGED_SCORE = -1e6;
/** Converters' own, for tokens that are found whole. */
const ADDED_SCORE = -1000;
/** Names of one meaning each, those first that are taken where a vocabulary does not tell them apart. */
const PRE_NAMES = [
  'qwen2',
  'llama-bpe',
  'gpt-2',
  'smollm',
  'gpt-4o',
  'tekken',
  'dbrx',
  'deepseek-coder',
  'default',
];

/**
 * The tokenizer's keys of a GGUF file. What no key tells directly, the cut of text before merging (`tokenizer.ggml.pre`) or the space before it, is found
 * as the first of which halflight's own reader of such files gives the same ids for some texts as the model's tokenizer. llama.cpp's converter
 * knows it by a hash of the ids of such a text; of SentencePiece it takes scores from `tokenizer.model`, here they are the ranks of the merges,
 * in the same order. Throws CheckpointError where no choice gives the same ids.
 */
export function vocabularyKeys(model: VocabularyModel): GgufMetadata {
  const { json, config } = model.files;
  const tokenizer = new Tokenizer(json, config);
  const base = model.files.json.model;
  if (!isJsonObject(base) || base.type !== 'BPE') throw unwritten(model, 'its model is no BPE');
  const entries = entriesOf(model, base);
  const special = specialTokens(model, entries, tokenizer);
  const choices = base.byte_fallback === true ? sentencePiece(entries) : bytePairs(base, entries);
  for (const choice of choices) {
    const metadata: GgufMetadata = new Map([...choice, ...special]);
    if (encodesAlike(tokenizer, metadata, model)) return withTemplate(withEndTokens(metadata, model), model);
  }
  throw unwritten(model, 'no way to cut text that the format has a name for gives the same ids');
}

function unwritten({ file }: VocabularyModel, reason: string): CheckpointError {
  return new CheckpointError(file, 'tokenizer', `cannot be written as GGUF: ${reason}`);
}

const string = (value: string): GgufValue => ({ type: 'string', value });
const strings = (value: readonly string[]): GgufValue => ({ type: 'strings', value });
const bool = (value: boolean): GgufValue => ({ type: 'bool', value });
const u32 = (value: number): GgufValue => ({ type: 'u32', value });
const key = (name: string) => `tokenizer.ggml.${name}`;

type Keys = [string, GgufValue][];

function listKeys(name: string, pre: string, entries: readonly Entry[]): Keys {
  return [
    [key('model'), string(name)],
    [key('pre'), string(pre)],
    [key('tokens'), strings(entries.map(({ text }) => text))],
    [key('token_type'), { type: 'i32s', value: entries.map(({ type }) => type) }],
  ];
}

function bytePairs(base: JsonObject, entries: readonly Entry[]): Keys[] {
  const merges = strings(mergesOf(base).map(([left, right]) => `${left} ${right}`));
  const ignoresMerges = base.ignore_merges === true;
  const names = PRE_NAMES.filter((name) => PRE_TOKENIZERS.get(name)?.ignoreMerges === ignoresMerges);
  return names.map((name) => [...listKeys('gpt2', name, entries), [key('merges'), merges]]);
}

function sentencePiece(entries: readonly Entry[]): Keys[] {
  const scores: GgufValue = { type: 'f32s', value: entries.map(({ score }) => score) };
  return [true, false].map((prefix) => [
    ...listKeys('llama', 'default', entries),
    [key('scores'), scores],
    [key('add_space_prefix'), bool(prefix)],
  ]);
}

function mergesOf({ merges }: JsonObject): (readonly [string, string])[] {
  if (!Array.isArray(merges)) return [];
  return merges.map((merge: unknown) => {
    const [left, right] = Array.isArray(merge) ? merge : splitMerge(String(merge));
    return [String(left), String(right)] as const;
  });
}

/** Older files have a space between both. */
function splitMerge(merge: string): [string, string] {
  const space = merge.indexOf(' ', 1);
  return [merge.slice(0, space), merge.slice(space + 1)];
}

interface Added {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

/** By id; rows of the embedding without a token are unused. Added tokens are special or not as their file says. */
function entriesOf(model: VocabularyModel, base: JsonObject): readonly Entry[] {
  const isPieces = base.byte_fallback === true;
  const entries: Entry[] = Array.from({ length: model.vocabSize }, (_, id) => ({
    text: `[PAD${id}]`,
    type: TOKEN_TYPES.unused,
    score: isPieces ? ADDED_SCORE : 0,
  }));
  const put = (id: number, entry: Entry) => {
    if (id < entries.length) entries[id] = entry;
    else throw unwritten(model, `token ${id} has no row among the ${entries.length} of the embedding`);
  };
  const ranks = new Map<string, number>();
  if (isPieces)
    for (const [rank, pair] of mergesOf(base).entries())
      if (!ranks.has(pair.join(''))) ranks.set(pair.join(''), rank);
  for (const [text, id] of Object.entries(base.vocab as Record<string, number>))
    put(id, { text, type: pieceType(text, base, isPieces), score: scoreOf(text, ranks) });
  for (const { id, content, special } of model.files.json.added_tokens as readonly Added[]) {
    const type = special ? TOKEN_TYPES.control : TOKEN_TYPES.userDefined;
    const isUnknown = isPieces && content === base.unk_token;
    put(id, { text: content, type: isUnknown ? TOKEN_TYPES.unknown : type, score: ADDED_SCORE });
  }
  return entries;
}

function pieceType(text: string, base: JsonObject, isPieces: boolean): number {
  if (!isPieces) return TOKEN_TYPES.normal;
  if (/^<0x[0-9A-F]{2}>$/.test(text)) return TOKEN_TYPES.byte;
  return text === base.unk_token ? TOKEN_TYPES.unknown : TOKEN_TYPES.normal;
}

function scoreOf(text: string, ranks: ReadonlyMap<string, number>): number {
  const rank = ranks.get(text);
  if (rank !== undefined) return -rank;
  return Array.from(text.replaceAll(SPACE, ' ')).length > 1 ? UNMERGED_SCORE : 0;
}

/** By the name in the tokenizer's configuration, and the format's name of its key. */
const SPECIAL: readonly (readonly [string, string])[] = [
  ['bos', 'bos'],
  ['eos', 'eos'],
  ['unk', 'unknown'],
  ['sep', 'seperator'],
  ['pad', 'padding'],
  ['cls', 'cls'],
  ['mask', 'mask'],
];

function specialTokens(model: VocabularyModel, entries: readonly Entry[], tokenizer: Tokenizer): Keys {
  const ids = SPECIAL.flatMap(([name, as]): [string, number][] => {
    const id = specialId(model, entries, name);
    return id === null ? [] : [[as, id]];
  });
  const all = new Map(ids);
  const encoded = tokenizer.encode('a', BOTH);
  const isAround = (id: number | undefined, at: number) =>
    id !== undefined && encoded.length > 1 && encoded.at(at) === id;
  return [
    ...ids.map(([as, id]): [string, GgufValue] => [key(`${as}_token_id`), u32(id)]),
    [key('add_bos_token'), bool(isAround(all.get('bos'), 0))],
    [key('add_eos_token'), bool(isAround(all.get('eos'), -1))],
  ];
}

/** As the tokenizer's configuration names it, else as `config.json` does. */
function specialId(
  { files, config, eosTokenIds }: VocabularyModel,
  entries: readonly Entry[],
  name: string,
): number | null {
  const given = files.config[`${name}_token`];
  const text = isJsonObject(given) ? given.content : given;
  const id = entries.findIndex((entry) => entry.text === text);
  if (typeof text === 'string' && id !== -1) return id;
  const own = config[`${name}_token_id`];
  if (typeof own === 'number' && own >= 0 && own < entries.length) return own;
  return name === 'eos' ? (eosTokenIds[0] ?? null) : null;
}

function encodesAlike(tokenizer: Tokenizer, metadata: GgufMetadata, { file }: VocabularyModel): boolean {
  const fields = Fields.from(readBack(metadata), file);
  const written = new Tokenizer(tokenizerJson(fields), {});
  const texts = [...PROBES, `a${tokenizer.specialTokens.join(' b ')}c`];
  return texts.every((text) => tokenizer.encode(text, BOTH).join() === written.encode(text, BOTH).join());
}

/** Tokens that end a generation beside the first: a reader knows most by their names, of others two have keys. */
function withEndTokens(metadata: GgufMetadata, model: VocabularyModel): GgufMetadata {
  const found = endTokens(Fields.from(readBack(metadata), model.file));
  const others = model.eosTokenIds.filter((id) => !found.includes(id));
  if (others.length > 2)
    throw unwritten(model, `${found.length + others.length} tokens end a generation, more than have keys`);
  const keys = others.map((id, i): [string, GgufValue] => [key(`${['eot', 'eom'][i]}_token_id`), u32(id)]);
  return new Map([...metadata, ...keys]);
}

function withTemplate(metadata: GgufMetadata, { template }: VocabularyModel): GgufMetadata {
  return template === null ? metadata : new Map([...metadata, ['tokenizer.chat_template', string(template)]]);
}
