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

const GPT2_CUT: PreTokenizer = { patterns: [GPT2], ignoreMerges: false, addBos: false };
const SINGLE_DIGITS: PreTokenizer = { patterns: ['\\p{N}', GPT2], ignoreMerges: false, addBos: false };
const LLAMA3: PreTokenizer = { patterns: [words('\\p{N}{1,3}')], ignoreMerges: true, addBos: true };
const QWEN2: PreTokenizer = { patterns: [words('\\p{N}')], ignoreMerges: false, addBos: false };
const DEFAULT: PreTokenizer = {
  patterns: ['[\\p{P}\\$\\+<=>\\^~\\|]+', GPT2, '\\p{N}+', '[0-9][0-9][0-9]'],
  ignoreMerges: false,
  addBos: false,
};

/** Values of `tokenizer.ggml.pre`, as llama.cpp defines them. */
export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map([
  ['default', DEFAULT],
  ['gpt-2', GPT2_CUT],
  ['llama-bpe', LLAMA3],
  ['llama3', LLAMA3],
  ['llama-v3', LLAMA3],
  ['qwen2', QWEN2],
  ['deepseek-r1-qwen', QWEN2],
  ['smollm', SINGLE_DIGITS],
  ['starcoder', SINGLE_DIGITS],
  ['refact', SINGLE_DIGITS],
  ['command-r', SINGLE_DIGITS],
]);
