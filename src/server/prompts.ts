import { ApiError } from '../errors.js';
import type { ChatMessage } from '../text/chat-template.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { ChatBody } from './schemas.js';

const MAX_PROMPTS = 256;

const SHAPES = 'a string, a list of strings, a list of token ids, or a list of lists of token ids';

/**
 * Token ids of each prompt of a completion request. Special tokens in the text are parsed.
 * @throws ApiError where a prompt is empty or of no known shape, or an id is outside the vocabulary
 */
export function encodePrompts(prompt: unknown, tokenizer: Tokenizer): number[][] {
  const prompts = listPrompts(prompt);
  if (prompts.length === 0) throw new ApiError('invalid_value', 'prompt must not be empty.', 'prompt');
  if (prompts.length > MAX_PROMPTS) {
    throw new ApiError('invalid_value', `prompt must hold at most ${MAX_PROMPTS} prompts.`, 'prompt');
  }
  const isList = Array.isArray(prompt) && prompts.length > 0 && prompt[0] === prompts[0];
  return prompts.map((one, i) => encodePrompt(one, isList ? `prompt[${i}]` : 'prompt', tokenizer));
}

function listPrompts(prompt: unknown): unknown[] {
  if (typeof prompt === 'string') return [prompt];
  if (!Array.isArray(prompt)) throw new ApiError('invalid_value', `prompt must be ${SHAPES}.`, 'prompt');
  return typeof prompt[0] === 'number' ? [prompt] : prompt;
}

function encodePrompt(prompt: unknown, param: string, tokenizer: Tokenizer): number[] {
  const ids =
    typeof prompt === 'string' && prompt !== ''
      ? tokenizer.encode(prompt, { addSpecialTokens: true, parseSpecialTokens: true })
      : checkIds(prompt, param, tokenizer.vocabSize);
  if (ids.length === 0) throw new ApiError('invalid_value', `${param} must not be empty.`, param);
  return ids;
}

function checkIds(prompt: unknown, param: string, vocabSize: number): number[] {
  if (prompt === '') return [];
  if (!Array.isArray(prompt)) throw new ApiError('invalid_value', `prompt must be ${SHAPES}.`, param);
  const index = prompt.findIndex((id: unknown) => !isTokenId(id, vocabSize));
  if (index < 0) return prompt as number[];
  const where = `${param}[${index}]`;
  throw new ApiError(
    'invalid_value',
    `${where} must be a token id, an integer from 0 to ${vocabSize - 1}.`,
    where,
  );
}

function isTokenId(id: unknown, vocabSize: number): boolean {
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < vocabSize;
}

/** Messages as templates read them: content is one string. @throws ApiError where a message that needs content has none */
export function chatMessages(body: ChatBody): ChatMessage[] {
  return body.messages.map((message, i) => {
    const content = joinContent(message.content ?? null);
    if (content === null && message.role !== 'assistant') {
      const param = `messages[${i}].content`;
      throw new ApiError('invalid_value', `${param} must be a string or a list of text parts.`, param);
    }
    return { ...message, content: content ?? '' };
  });
}

type Content = ChatBody['messages'][number]['content'] | null;

/** Text parts stand on lines of their own, as with vLLM. */
function joinContent(content: Content): string | null {
  if (content === null || content === undefined || typeof content === 'string') return content ?? null;
  return content.map((part) => part.text).join('\n');
}
