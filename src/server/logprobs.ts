import type { TokenLogprobs } from '../engine/types.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { PlacedLogprobs } from './generation.js';

/** JSON has no infinity; OpenAI and vLLM send this in its place, and for all that is less. */
const MIN_LOGPROB = -9999;

/** What each answer with log-probabilities says of its tokens; null where the request asks for none. */
export type LogprobsWriter = (tokens: readonly PlacedLogprobs[]) => object | null;

export const noLogprobs: LogprobsWriter = () => null;

/** `logprobs` of a completion: `top_logprobs` has the chosen token, then the likeliest. */
export function completionLogprobs(tokenizer: Tokenizer): LogprobsWriter {
  return (tokens) => ({
    tokens: tokens.map(({ tokenId }) => tokenizer.tokenText(tokenId)),
    token_logprobs: tokens.map(({ logprob }) => finite(logprob)),
    top_logprobs: tokens.map((token) => byText([token, ...token.top], tokenizer)),
    text_offset: tokens.map(({ textOffset }) => textOffset),
  });
}

type Likelihood = Pick<TokenLogprobs, 'tokenId' | 'logprob'>;

/** Of tokens with the same text, such as parts of characters, the first counts. */
function byText(tokens: readonly Likelihood[], tokenizer: Tokenizer): object {
  const logprobs = new Map<string, number>();
  for (const { tokenId, logprob } of tokens) {
    const text = tokenizer.tokenText(tokenId);
    if (!logprobs.has(text)) logprobs.set(text, finite(logprob));
  }
  return Object.fromEntries(logprobs);
}

/** `logprobs` of a chat: `top_logprobs` has the likeliest tokens, the chosen one only if it is among them. */
export function chatLogprobs(tokenizer: Tokenizer): LogprobsWriter {
  const entry = ({ tokenId, logprob }: Likelihood) => ({
    token: tokenizer.tokenText(tokenId),
    logprob: finite(logprob),
    bytes: [...tokenizer.tokenBytes(tokenId)],
  });
  return (tokens) => ({
    content: tokens.map((token) => ({ ...entry(token), top_logprobs: token.top.map(entry) })),
    refusal: null,
  });
}

/** vLLM's `prompt_logprobs`: null for the first token, then by token id the prompt's own and the likeliest. */
export function promptLogprobs(prompt: readonly TokenLogprobs[], tokenizer: Tokenizer): (object | null)[] {
  return [null, ...prompt.map((token) => describePromptToken(token, tokenizer))];
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

function finite(logprob: number): number {
  return Math.max(logprob, MIN_LOGPROB);
}
