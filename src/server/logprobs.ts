import type { TokenLogprobs } from '../engine/types.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { PlacedLogprobs } from './generation.js';

/** JSON has no infinity; OpenAI and vLLM send this in its place, and for all that is less. */
const MIN_LOGPROB = -9999;

/** What a token is called: its text, or `token_id:` and its id. */
export type TokenNames = (tokenId: number) => string;

export function tokenNames(tokenizer: Tokenizer, asIds: boolean): TokenNames {
  return (tokenId) => (asIds ? `token_id:${tokenId}` : tokenizer.tokenText(tokenId));
}

/** What each answer with log-probabilities says of its tokens; null where the request asks for none. */
export type LogprobsWriter = (tokens: readonly PlacedToken[]) => object | null;

/** A token of prompt or answer; nothing tells how likely the first of a prompt was. */
export interface PlacedToken extends Omit<PlacedLogprobs, 'logprob' | 'rank'> {
  readonly rank?: number;
  readonly logprob: number | null;
}

export const noLogprobs: LogprobsWriter = () => null;

/** `logprobs` of a completion: `top_logprobs` has the chosen token, then the likeliest. */
export function completionLogprobs(nameOf: TokenNames): LogprobsWriter {
  return (tokens) => ({
    tokens: tokens.map(({ tokenId }) => nameOf(tokenId)),
    token_logprobs: tokens.map(({ logprob }) => finite(logprob)),
    top_logprobs: tokens.map((token) =>
      token.logprob === null ? null : byName([token, ...token.top], nameOf),
    ),
    text_offset: tokens.map(({ textOffset }) => textOffset),
  });
}

type Likelihood = Pick<PlacedToken, 'tokenId' | 'logprob'>;

/** Of tokens with the same text, such as parts of characters, the first counts. */
function byName(tokens: readonly Likelihood[], nameOf: TokenNames): object {
  const logprobs = new Map<string, number | null>();
  for (const { tokenId, logprob } of tokens) {
    const name = nameOf(tokenId);
    if (!logprobs.has(name)) logprobs.set(name, finite(logprob));
  }
  return Object.fromEntries(logprobs);
}

/** `logprobs` of a chat: `top_logprobs` has the likeliest tokens, the chosen one only if it is among them. */
export function chatLogprobs(tokenizer: Tokenizer, nameOf: TokenNames): LogprobsWriter {
  const entry = ({ tokenId, logprob }: Likelihood) => ({
    token: nameOf(tokenId),
    logprob: finite(logprob),
    bytes: [...tokenizer.tokenBytes(tokenId)],
  });
  return (tokens) => ({
    content: tokens.map((token) => ({ ...entry(token), top_logprobs: token.top.map(entry) })),
    refusal: null,
  });
}

/** vLLM's `prompt_logprobs`: null for the first token, then by token id the prompt's own and the likeliest. */
export function promptLogprobs(
  prompt: readonly TokenLogprobs[],
  numTop: number,
  tokenizer: Tokenizer,
): (object | null)[] {
  const told = prompt.map((token) => ({ ...token, top: token.top.slice(0, numTop) }));
  return [null, ...told.map((token) => describePromptToken(token, tokenizer))];
}

function describePromptToken(token: TokenLogprobs, tokenizer: Tokenizer): object {
  const ranked = [...token.top.map((one, i) => ({ ...one, rank: i + 1 })), token];
  return Object.fromEntries(
    ranked.map(({ tokenId, logprob, rank }) => [
      String(tokenId),
      { logprob: finite(logprob), rank, decoded_token: tokenizer.tokenText(tokenId) },
    ]),
  );
}

function finite(logprob: number | null): number | null {
  return logprob === null ? null : Math.max(logprob, MIN_LOGPROB);
}
