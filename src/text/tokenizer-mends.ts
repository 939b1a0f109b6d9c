import { Charsmap } from './charsmap.js';

/** What is used of a Unigram of the tokenizer library, beside what all models have. */
interface Unigram {
  /** Natural logarithms of how likely pieces are. */
  readonly scores: number[];
  readonly unk_token_id?: number;
  /** The likeliest pieces of a word, or of a whole text where nothing cuts it before. */
  readonly tokenize: (text: string) => string[];
  encode: (texts: readonly string[]) => string[];
}

/** What is used of a normalizer of the tokenizer library. */
interface Normalizer {
  readonly config: {
    readonly type?: string;
    readonly precompiled_charsmap?: string | null;
    readonly lowercase?: boolean;
    readonly handle_chinese_chars?: boolean;
  };
  /** Of a `Sequence`. */
  readonly normalizers?: readonly (Normalizer | null)[];
  normalize: (text: string) => string;
}

/** Ideographs beyond the first 65,536 characters, which BERT puts spaces around as it does with the others. */
const ASTRAL_IDEOGRAPHS =
  /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

/**
 * Makes the normalizers of a tokenizer do what Hugging Face's own do where the library falls short of it: the table of `Precompiled` is applied (the
 * library takes NFKC in its place), a sigma at a word's end becomes σ like any other (JavaScript has it ς), and BERT finds all ideographs.
 * @param normalizer of a tokenizer of the library, changed in place
 */
export function mendNormalizers(normalizer: unknown): void {
  if (isNormalizer(normalizer)) mend(normalizer);
}

function mend(normalizer: Normalizer): void {
  for (const one of normalizer.normalizers ?? []) if (one !== null) mend(one);
  const before = changeBefore(normalizer.config);
  const { precompiled_charsmap: table } = normalizer.config;
  const own = normalizer.normalize.bind(normalizer);
  if (normalizer.config.type === 'Precompiled' && typeof table === 'string') {
    const charsmap = new Charsmap(table);
    normalizer.normalize = (text) => charsmap.normalize(text);
  } else if (before !== null) normalizer.normalize = (text) => own(before(text));
}

function changeBefore(config: Normalizer['config']): ((text: string) => string) | null {
  const { type, lowercase = false, handle_chinese_chars: isolates = false } = config;
  const lower = (text: string) => text.replaceAll('Σ', 'σ');
  if (type === 'Lowercase') return lower;
  if (type !== 'BertNormalizer') return null;
  const isolate = (text: string) => (isolates ? text.replace(ASTRAL_IDEOGRAPHS, ' $& ') : text);
  return (text) => isolate(lowercase ? lower(text) : text);
}

function isNormalizer(value: unknown): value is Normalizer {
  return typeof value === 'function' && 'config' in value && 'normalize' in value;
}

/** What is used of a decoder of the tokenizer library. */
interface Decoder {
  /** Of a `Sequence`. */
  readonly decoders?: readonly unknown[];
  readonly text_decoder?: object;
}

/**
 * Makes decoders keep U+FEFF where a text has it: the library takes its bytes for the mark of a file's beginning, and leaves them out.
 * @param decoder of a tokenizer of the library, changed in place
 */
export function mendDecoders(decoder: unknown): void {
  if (typeof decoder !== 'function' || !('decode' in decoder)) return;
  const { decoders = [], text_decoder: old } = decoder as Decoder;
  for (const one of decoders) mendDecoders(one);
  if (old !== undefined)
    Object.assign(decoder, { text_decoder: new TextDecoder('utf-8', { ignoreBOM: true }) });
}

/**
 * Makes special tokens, which are pieces of a Unigram's vocabulary too, ones that no text is cut into, whatever it is normalised to. The unknown one
 * stays: it has no text. Long texts without a cut are taken as well (the library would spread their pieces onto the stack).
 * @param model of a tokenizer of the library, changed in place where it is a Unigram
 */
export function mendUnigram(model: object, specialIds: ReadonlySet<number>): void {
  if (!('scores' in model && 'tokenize' in model)) return;
  const unigram = model as Unigram;
  const { scores, unk_token_id: unknown } = unigram;
  for (const id of specialIds)
    if (id !== unknown && id < scores.length) scores[id] = Number.NEGATIVE_INFINITY;
  unigram.encode = (texts) => texts.flatMap((text) => unigram.tokenize(text));
}
