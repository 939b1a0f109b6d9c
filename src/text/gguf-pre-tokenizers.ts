/** How a BPE vocabulary of GGUF cuts text before merging. */
export interface PreTokenizer {
  /** Each cuts what the ones before it left: a match is a piece, and so is what lies between two. */
  readonly patterns: readonly string[];
  /** A piece that is a token as a whole is not built from merges. */
  readonly ignoreMerges: boolean;
  /** Whether a text starts with the beginning token where `add_bos_token` is absent. */
  readonly addBos: boolean;
}

const CONTRACTIONS = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)";
/** @param digits how many of them make a piece */
const words = (digits: string) =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** Words that start or go on in capitals, each with what follows: `tail` of contractions, `digits` of numbers. */
const casedWords = (tail: string, digits: string) => {
  const start = '[^\\r\\n\\p{L}\\p{N}]?';
  const upper = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
  const lower = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
  const rest = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
  return `${start}${upper}*${lower}+${tail}|${start}${upper}+${lower}*${tail}|${digits}|${rest}`;
};

/** @param changes what differs from most: merges are not passed over, and no token comes before the text */
const cut = (patterns: readonly string[], changes: Partial<PreTokenizer> = {}): PreTokenizer => ({
  patterns,
  ignoreMerges: false,
  addBos: false,
  ...changes,
});
const GPT2_CUT = cut([GPT2]);
const SINGLE_DIGITS = cut(['\\p{N}', GPT2]);
const LLAMA3 = cut([words('\\p{N}{1,3}')], { ignoreMerges: true, addBos: true });
const DBRX = cut([words('\\p{N}{1,3}')]);
const QWEN2 = cut([words('\\p{N}')]);
const GPT4O = cut([casedWords(`${CONTRACTIONS}?`, '\\p{N}{1,3}')]);
const TEKKEN = cut([casedWords('', '\\p{N}')], { ignoreMerges: true, addBos: true });
const DEEPSEEK_CODER = cut([
  '[\\r\\n]',
  '\\s?\\p{L}+',
  '\\s?\\p{P}+',
  '[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+',
  '\\p{N}',
]);
const DEFAULT = cut(['[\\p{P}\\$\\+<=>\\^~\\|]+', GPT2, '\\p{N}+', '[0-9][0-9][0-9]']);

/** Values of `tokenizer.ggml.pre` by what they mean. */
const CUTS: readonly (readonly [PreTokenizer, string])[] = [
  [DEFAULT, 'default'],
  [GPT2_CUT, 'gpt-2 phi-2 olmo mpt jais mellum modern-bert gigachat a.x-4.0 trillion'],
  [LLAMA3, 'llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2'],
  [DBRX, 'dbrx smaug-bpe'],
  [QWEN2, 'qwen2 deepseek-r1-qwen kormo megrez stablelm2'],
  [GPT4O, 'gpt-4o llama4 kanana2'],
  [TEKKEN, 'tekken'],
  [SINGLE_DIGITS, 'smollm starcoder refact command-r codeshell exaone minerva-7b'],
  [DEEPSEEK_CODER, 'deepseek-coder'],
];

/**
 * Values of `tokenizer.ggml.pre`, as llama.cpp defines them. Of words in capitals and small letters `gpt-4o` and `tekken` follow the models'
 * own patterns, where llama.cpp takes letters beyond ASCII for both.
 */
export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map(
  CUTS.flatMap(([meaning, names]) => names.split(' ').map((name) => [name, meaning] as const)),
);
