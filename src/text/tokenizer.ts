import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { isGguf } from '../checkpoint/gguf/header.js';
import { CheckpointError } from '../errors.js';
import { readGgufTokenizer, type TokenizerFiles } from './gguf-tokenizer.js';
import { type JsonObject, readJsonObject } from './json-file.js';
import { tokenBytesReader } from './token-bytes.js';
import { mendDecoders, mendNormalizers, mendUnigram } from './tokenizer-mends.js';

export interface EncodeOptions {
  /** Let the tokenizer put the model's own tokens around the text, such as the beginning-of-text token. */
  readonly addSpecialTokens: boolean;
  /** Whether `<|im_end|>` in the text becomes the special token of that name, or plain characters. */
  readonly parseSpecialTokens: boolean;
}

export interface DecodeOptions {
  readonly skipSpecialTokens: boolean;
}

/** The package's declarations do not resolve under Node's module rules, so this says what is used of it. */
interface Backend {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: readonly number[], options: { clean_up_tokenization_spaces: boolean }): string;
  id_to_token(id: number): string | undefined;
  readonly normalizer: unknown;
  readonly decoder: unknown;
  model: { readonly vocab: readonly string[]; readonly unk_token_id?: number };
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized?: boolean;
}

/** Text to token ids and back, as the model's `tokenizer.json` says. */
export class Tokenizer {
  /** One more than the largest id. */
  readonly vocabSize: number;
  readonly specialTokens: readonly string[];
  readonly #full: Backend;
  /** Shares the vocabulary with `#full`, but knows no special tokens. */
  readonly #plain: Backend;
  readonly #special: ReadonlyMap<string, AddedToken>;
  readonly #specialIds: ReadonlySet<number>;
  readonly #addedTexts: ReadonlyMap<number, string>;
  readonly #addedTokens: ReadonlySet<string>;
  readonly #bytesOf: (token: string) => Uint8Array;

  constructor(json: JsonObject, config: JsonObject) {
    const added = parseAddedTokens(json.added_tokens);
    const special = added.filter((token) => token.special);
    this.#special = new Map(special.map((token) => [token.content, token]));
    this.#specialIds = new Set(special.map((token) => token.id));
    this.specialTokens = [...this.#special.keys()];
    this.#addedTexts = new Map(added.map((token) => [token.id, token.content]));
    this.#addedTokens = new Set(this.#addedTexts.values());
    this.#bytesOf = tokenBytesReader(json.decoder);
    this.#full = createBackend({ ...json, added_tokens: added.map(matchLiterally) }, config);
    this.#plain = withoutSpecialTokens(this.#full, json, config, added);
    for (const { normalizer } of [this.#full, this.#plain]) mendNormalizers(normalizer);
    mendDecoders(this.#full.decoder);
    mendUnigram(this.#full.model, this.#specialIds);
    this.vocabSize = this.#full.model.vocab.length;
  }

  /** Token ids of the text. Unpaired surrogates count as U+FFFD. */
  encode(text: string, options: EncodeOptions): number[] {
    const backend = options.parseSpecialTokens ? this.#full : this.#plain;
    const { ids } = backend.encode(text, { add_special_tokens: options.addSpecialTokens });
    if (options.parseSpecialTokens || options.addSpecialTokens) return ids;
    return ids.filter((id) => this.#isPlainText(id));
  }

  /**
   * Token ids of a text that a template wrote around a caller's strings. Special tokens are parsed, save those that carry `guard`,
   * a character that marks the caller's own; the guard itself is not encoded.
   */
  encodeGuarded(text: string, guard: string, { addSpecialTokens } = { addSpecialTokens: false }): number[] {
    const ids = this.#encodeSections(text, guard);
    return addSpecialTokens ? this.#withSpecialTokens(ids) : ids;
  }

  #encodeSections(text: string, guard: string): number[] {
    if (!text.includes(guard))
      return this.encode(text, { addSpecialTokens: false, parseSpecialTokens: true });
    return this.#splitAtSpecialTokens(text, guard).flatMap((section) =>
      this.encode(section.replaceAll(guard, ''), {
        addSpecialTokens: false,
        parseSpecialTokens: !section.includes(guard),
      }),
    );
  }

  /** The tokens that the model has around a text are those that it has around a letter. */
  #withSpecialTokens(ids: readonly number[]): number[] {
    const plain = this.encode('a', { addSpecialTokens: false, parseSpecialTokens: false });
    const full = this.encode('a', { addSpecialTokens: true, parseSpecialTokens: false });
    const start = full.findIndex((_, i) => plain.every((id, j) => full[i + j] === id));
    return [...full.slice(0, start), ...ids, ...full.slice(start + plain.length)];
  }

  /** Text of the ids; those outside the vocabulary have none. */
  decode(ids: readonly number[], options: DecodeOptions): string {
    const known = ids.filter((id) => this.#full.id_to_token(id) !== undefined);
    const shown = options.skipSpecialTokens ? known.filter((id) => !this.isSpecial(id)) : known;
    if (shown.length === 0) return '';
    return this.#full.decode(shown, { clean_up_tokenization_spaces: false });
  }

  /** UTF-8 bytes that the token adds to a text, which may be a part of a character; none outside the vocabulary. */
  tokenBytes(id: number): Uint8Array {
    const added = this.#addedTexts.get(id);
    return added === undefined ? this.#bytesOf(this.#full.id_to_token(id) ?? '') : Buffer.from(added);
  }

  /** The same as text: U+FFFD where they are no whole character. */
  tokenText(id: number): string {
    return Buffer.from(this.tokenBytes(id)).toString();
  }

  /** Whether a text is one token of its own, as markers of chats and of gaps are. */
  isAddedToken(text: string): boolean {
    return this.#addedTokens.has(text);
  }

  isSpecial(id: number): boolean {
    return this.#specialIds.has(id);
  }

  /** A vocabulary may spell a special token with ordinary merges: such an id must not come from plain text. The unknown token may. */
  #isPlainText(id: number): boolean {
    return !this.#specialIds.has(id) || id === this.#full.model.unk_token_id;
  }

  /** As the backend splits, with the spaces that a token swallows (`lstrip`, `rstrip`) taken off its neighbours. */
  #splitAtSpecialTokens(text: string, guard: string): string[] {
    if (this.specialTokens.length === 0) return [text];
    const sections = text.split(unguarded(this.specialTokens, guard));
    sections.forEach((section, i) => {
      const token = this.#special.get(section);
      if (token?.lstrip && i > 0) sections[i - 1] = (sections[i - 1] ?? '').trimEnd();
      if (token?.rstrip && i + 1 < sections.length) sections[i + 1] = (sections[i + 1] ?? '').trimStart();
    });
    return sections.filter((section) => section !== '');
  }
}

/**
 * Reads `tokenizer.json` and `tokenizer_config.json` of a model's directory, or the metadata of a GGUF file.
 * @throws CheckpointError naming the file that is missing or broken
 */
export function loadTokenizer(model: string): Tokenizer {
  const file = isGguf(model) ? model : join(model, 'tokenizer.json');
  const { json, config } = isGguf(model) ? readGgufTokenizer(model) : readTokenizerFiles(model);
  try {
    return new Tokenizer(json, config);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new CheckpointError(file, 'tokenizer', `not usable: ${error.message}`);
  }
}

/** Both files of a model directory. Throws CheckpointError. */
export function readTokenizerFiles(dir: string): TokenizerFiles {
  return {
    json: readJsonObject(join(dir, 'tokenizer.json'), readFileSync),
    config: readJsonObject(join(dir, 'tokenizer_config.json'), readFileSync),
  };
}

function createBackend(json: JsonObject, config: JsonObject): Backend {
  return new HuggingFaceTokenizer(json, config) as Backend;
}

/** An empty vocabulary costs nothing to build; the full one's model then takes its place. */
function withoutSpecialTokens(
  full: Backend,
  json: JsonObject,
  config: JsonObject,
  added: readonly AddedToken[],
): Backend {
  const plain = createBackend(
    {
      ...json,
      model: { type: 'BPE', vocab: {}, merges: [] },
      added_tokens: added.filter((token) => !token.special),
    },
    config,
  );
  plain.model = full.model;
  return plain;
}

/** A special token is found before the text is normalised, so that no other spelling of it becomes one. */
function matchLiterally(token: AddedToken): AddedToken {
  return token.special ? { ...token, normalized: false } : token;
}

function parseAddedTokens(value: unknown): AddedToken[] {
  if (!Array.isArray(value)) throw new Error('added_tokens is not a list');
  return value.map((token: Partial<AddedToken> | null, index) => {
    if (!Number.isSafeInteger(token?.id) || typeof token?.content !== 'string' || token.content === '') {
      throw new Error(`added_tokens[${index}] needs an integer id and a non-empty content`);
    }
    return { lstrip: false, rstrip: false, special: false, ...token } as AddedToken;
  });
}

/** Matches, and keeps on splitting, any of the words that no guard follows; the longest first. */
function unguarded(words: readonly string[], guard: string): RegExp {
  const sorted = [...words].sort((a, b) => b.length - a.length).map(escapePattern);
  return new RegExp(`((?:${sorted.join('|')})(?!${guard}))`);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
