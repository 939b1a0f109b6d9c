import { UserError } from '../errors.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { Window } from './windows.js';

/** How a text becomes windows. Perplexities of different protocols differ by far more than a quantization costs. */
export interface Protocol {
  /** Tokens in a window, where the protocol fixes them. */
  readonly window: number | null;
  /** Where the token that the tokenizer puts before a text stands, if it puts one: nowhere, before the text, or in place of each window's first. */
  readonly bos: 'none' | 'text' | 'window';
  /** Whether `<|endoftext|>` in the text is the token of that name, or characters. */
  readonly parseSpecialTokens: boolean;
  readonly cut: (tokenIds: readonly number[], size: WindowSize) => readonly Window[];
}

export interface WindowSize {
  readonly window: number;
  /** Tokens that a sliding window moves on by, less than `window`. */
  readonly stride: number;
}

/**
 * `gptq-2048` is that of GPTQ's and most later papers (https://github.com/IST-DASLab/gptq, `llama_eval`); `llamacpp-512` that of `llama-perplexity`
 * by default; `sliding` the strided one of transformers' guide "Perplexity of fixed-length models", but for a last window that is full.
 */
export const PROTOCOLS = {
  windows: { window: null, bos: 'none', parseSpecialTokens: true, cut: plainWindows },
  'gptq-2048': { window: 2048, bos: 'text', parseSpecialTokens: true, cut: plainWindows },
  'llamacpp-512': { window: 512, bos: 'window', parseSpecialTokens: false, cut: secondHalves },
  sliding: { window: null, bos: 'text', parseSpecialTokens: true, cut: slidingWindows },
} as const satisfies Readonly<Record<string, Protocol>>;

export type ProtocolName = keyof typeof PROTOCOLS;

const DEFAULT_WINDOW = 512;

/** What a command line says, completed. Throws UserError where it does not suit the protocol. */
export function windowSize(
  name: ProtocolName,
  asked: { readonly window: number | null; readonly stride: number | null },
): WindowSize {
  const fixed = PROTOCOLS[name].window;
  if (fixed !== null && asked.window !== null && asked.window !== fixed)
    throw new UserError(`--window: ${name} has windows of ${fixed}; leave it out`);
  if (asked.stride !== null && name !== 'sliding')
    throw new UserError(`--stride: is for --protocol sliding, not ${name}`);
  const window = fixed ?? asked.window ?? DEFAULT_WINDOW;
  const stride = asked.stride ?? Math.ceil(window / 2);
  if (stride < window) return { window, stride };
  throw new UserError(
    `--stride: ${stride} leaves no context in windows of ${window}; give less, or a larger --window`,
  );
}

/** Throws UserError where a model is too short for the windows. */
export function checkLength(name: ProtocolName, { window }: WindowSize, maxModelLen: number): void {
  if (window <= maxModelLen) return;
  if (PROTOCOLS[name].window === null)
    throw new UserError(`--window: ${window} tokens, but the model takes ${maxModelLen}`);
  throw new UserError(
    `--protocol: ${name} needs windows of ${window} tokens, but the model takes ${maxModelLen}; ` +
      `take --protocol windows --window ${maxModelLen}, and compare with figures of these windows alone`,
  );
}

/** Token ids of a text as the protocol reads it, and its windows; none where the text is too short for one. */
export function cutText(
  name: ProtocolName,
  tokenizer: Pick<Tokenizer, 'encode'>,
  text: string,
  size: WindowSize,
): { readonly tokenIds: readonly number[]; readonly windows: readonly Window[] } {
  const { bos: place, parseSpecialTokens, cut } = PROTOCOLS[name];
  const plain = tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens });
  const bos = place === 'none' ? null : startToken(tokenizer);
  const tokenIds = bos === null ? plain : [bos, ...plain];
  const windows = cut(tokenIds, size);
  if (bos === null || place === 'text') return { tokenIds, windows };
  return { tokenIds, windows: windows.map((window) => beginWith(window, bos)) };
}

/** The token that the tokenizer puts before every text; null where it puts none. */
export function startToken(tokenizer: Pick<Tokenizer, 'encode'>): number | null {
  const encode = (addSpecialTokens: boolean) =>
    tokenizer.encode('a', { addSpecialTokens, parseSpecialTokens: false });
  const [first] = encode(true);
  return first === encode(false)[0] ? null : first;
}

function beginWith({ tokenIds, firstScored }: Window, bos: number): Window {
  return { tokenIds: [bos, ...tokenIds.slice(1)], firstScored };
}

/** Windows without overlap; every token but a window's first is scored; a shorter last window is left out. */
function plainWindows(tokenIds: readonly number[], { window }: WindowSize): readonly Window[] {
  return Array.from({ length: Math.floor(tokenIds.length / window) }, (_, i) => ({
    tokenIds: tokenIds.slice(i * window, (i + 1) * window),
    firstScored: 1,
  }));
}

/** The same, but the token at the middle is the last that only gives context: 255 of 512 are scored. */
function secondHalves(tokenIds: readonly number[], size: WindowSize): readonly Window[] {
  const firstScored = size.window / 2 + 1;
  return plainWindows(tokenIds, size).map((window) => ({ ...window, firstScored }));
}

/** Every token but the text's first is scored once; all windows but that of a short text are full. */
function slidingWindows(tokenIds: readonly number[], { window, stride }: WindowSize): readonly Window[] {
  const windows: Window[] = [];
  for (let scored = 1; scored < tokenIds.length; ) {
    const end = Math.min(windows.length === 0 ? window : scored + stride, tokenIds.length);
    const start = Math.max(0, end - window);
    windows.push({ tokenIds: tokenIds.slice(start, end), firstScored: scored - start });
    scored = end;
  }
  return windows;
}
