import type { TokenLogprobs } from '../engine/types.js';
import { Detokenizer } from '../text/detokenizer.js';
import type { DecodeOptions, Tokenizer } from '../text/tokenizer.js';
import type { AnswerShape } from './answer.js';
import { numCharacters, type TextChunk } from './generation.js';
import { completionLogprobs, noLogprobs, type PlacedToken, promptLogprobs, tokenNames } from './logprobs.js';
import type { ServedModel } from './models.js';
import type { Prompt } from './prompts.js';
import type { CompletionBody } from './schemas.js';

/**
 * How a completion writes its choices. With `echo` a choice begins with its prompt, and what it tells of tokens with the prompt's.
 * @param prompts one for each choice
 */
export function completionShape(
  body: CompletionBody,
  prompts: readonly Prompt[],
  { tokenizer }: Pick<ServedModel, 'tokenizer'>,
): AnswerShape {
  const options = { skipSpecialTokens: body.skip_special_tokens ?? true };
  const names = tokenNames(tokenizer, body.return_tokens_as_token_ids ?? false);
  const describe = (body.logprobs ?? null) === null ? noLogprobs : completionLogprobs(names);
  const returnsIds = body.return_token_ids ?? false;
  const chunk = (index: number, part: TextChunk, isFirst: boolean) => {
    const { tokenIds = [], text = null } = prompts[index] ?? {};
    const echoed = body.echo === true ? (text ?? tokenizer.decode(tokenIds, options)) : '';
    const ofPrompt = body.echo === true && isFirst ? placePrompt(tokenIds, part, tokenizer, options) : [];
    return {
      index,
      text: isFirst ? echoed + part.text : part.text,
      logprobs: describe([...ofPrompt, ...moved(part.logprobs, numCharacters(echoed))]),
      finish_reason: part.finishReason,
      stop_reason: part.stopReason,
      ...(returnsIds && isFirst ? { prompt_token_ids: tokenIds } : {}),
      ...(returnsIds ? { token_ids: part.tokenIds } : {}),
    };
  };
  return {
    whole: (index, joined) => ({ ...chunk(index, joined, true), ...ofPrompt(body, joined, tokenizer) }),
    chunks: (...args) => [chunk(...args)],
  };
}

function ofPrompt(body: CompletionBody, { promptLogprobs: told }: TextChunk, tokenizer: Tokenizer): object {
  const numTop = body.prompt_logprobs ?? null;
  if (numTop === null || told === null) return {};
  return { prompt_logprobs: promptLogprobs(told, numTop, tokenizer) };
}

function moved(tokens: readonly PlacedToken[], numBefore: number): PlacedToken[] {
  return tokens.map((token) => ({ ...token, textOffset: token.textOffset + numBefore }));
}

/** The prompt's tokens with where their text begins; nothing tells how likely the first one was. */
function placePrompt(
  tokenIds: readonly number[],
  { promptLogprobs: told }: TextChunk,
  tokenizer: Tokenizer,
  options: DecodeOptions,
): PlacedToken[] {
  if (told === null) return [];
  const detokenizer = new Detokenizer(tokenizer, options);
  let textOffset = 0;
  return tokenIds.map((tokenId, i) => {
    const likelihood: Pick<TokenLogprobs, 'top'> & { logprob: number | null } = told[i - 1] ?? {
      logprob: null,
      top: [],
    };
    const placed = { ...likelihood, tokenId, textOffset };
    textOffset += numCharacters(detokenizer.push(tokenId));
    return placed;
  });
}
