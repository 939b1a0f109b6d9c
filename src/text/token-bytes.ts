/** What is read of a decoder in `tokenizer.json`. */
interface DecoderJson {
  readonly type?: string;
  readonly decoders?: readonly DecoderJson[];
  readonly replacement?: string;
  readonly pattern?: { readonly String?: string };
  readonly content?: string;
  readonly prefix?: string;
  readonly cleanup?: boolean;
}

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;

/** Bytes that GPT-2's alphabet shows as themselves; the others stand, in order, from U+0100 on. */
const PRINTABLE: readonly (readonly [number, number])[] = [
  [0x21, 0x7e],
  [0xa1, 0xac],
  [0xae, 0xff],
];

/**
 * Reads the bytes of one token of the vocabulary, as the tokenizer's decoder would join them. Known are `ByteLevel`, and `Replace`,
 * `Metaspace` and `ByteFallback`, alone or in a `Sequence`, and `WordPiece`, as within a text; what other decoders do to a token is left out.
 * @param decoder `decoder` of `tokenizer.json`
 */
export function tokenBytesReader(decoder: unknown): (token: string) => Uint8Array {
  const steps = flatten(decoder as DecoderJson | null);
  if (steps.some(({ type }) => type === 'ByteLevel')) return byteLevelReader();
  const wordPiece = steps.find(({ type }) => type === 'WordPiece');
  if (wordPiece !== undefined) return wordPieceReader(wordPiece);
  const replacements = steps.flatMap(replacementOf);
  const hasByteTokens = steps.some(({ type }) => type === 'ByteFallback');
  return (token) => {
    const [, byte] = (hasByteTokens && BYTE_TOKEN.exec(token)) || [];
    if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
    return Buffer.from(replacements.reduce((text, [from, to]) => text.replaceAll(from, to), token));
  };
}

function flatten(decoder: DecoderJson | null): DecoderJson[] {
  if (decoder === null || decoder === undefined) return [];
  return decoder.type === 'Sequence' ? (decoder.decoders ?? []).flatMap(flatten) : [decoder];
}

function replacementOf({ type, replacement, pattern, content }: DecoderJson): (readonly [string, string])[] {
  if (type === 'Metaspace') return [[replacement ?? '\u2581', ' ']];
  return type === 'Replace' && pattern?.String !== undefined ? [[pattern.String, content ?? '']] : [];
}

/** A word has a space before it, unless it is punctuation or a contraction that cleaning up puts at the word before. */
const CLEANED = /^ (?=[.?!,]|n't|'m|'s|'ve|'re)/;

function wordPieceReader({ prefix = '##', cleanup = false }: DecoderJson): (token: string) => Uint8Array {
  return (token) => {
    const text = token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
    return Buffer.from(cleanup ? text.replace(CLEANED, '') : text);
  };
}

function byteLevelReader(): (token: string) => Uint8Array {
  const alphabet = byteLevelAlphabet();
  return (token) => {
    const bytes = [...token].map((char) => alphabet.get(char));
    return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : Buffer.from(token);
  };
}

/** Byte of each character. */
function byteLevelAlphabet(): ReadonlyMap<string, number> {
  const isPrintable = (byte: number) => PRINTABLE.some(([first, last]) => byte >= first && byte <= last);
  let next = 0x100;
  const entries = Array.from({ length: 256 }, (_, byte): [string, number] => [
    String.fromCodePoint(isPrintable(byte) ? byte : next++),
    byte,
  ]);
  return new Map(entries);
}
