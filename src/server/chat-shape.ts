import type { ToolCall } from '../text/output/parser.js';
import type { AnswerShape } from './answer.js';
import { joinContent } from './chat-messages.js';
import type { ChatBody } from './chat-schemas.js';
import type { TextChunk } from './generation.js';
import { chatLogprobs, noLogprobs, promptLogprobs, tokenNames } from './logprobs.js';
import type { ServedModel } from './models.js';

/** How a chat writes its choices: each has content, what the model thought before it, and calls. */
export function chatShape(
  body: ChatBody,
  promptTokenIds: readonly number[],
  { tokenizer }: Pick<ServedModel, 'tokenizer'>,
): AnswerShape {
  const names = tokenNames(tokenizer, body.return_tokens_as_token_ids ?? false);
  const describe = body.logprobs === true ? chatLogprobs(tokenizer, names) : noLogprobs;
  const returnsIds = body.return_token_ids === true;
  const ids = (tokenIds: readonly number[]) => (returnsIds ? { token_ids: tokenIds } : {});
  const ofPrompt = returnsIds ? { prompt_token_ids: promptTokenIds } : {};
  const texts = (chunk: TextChunk, isFirst: boolean) => visible(body, chunk, isFirst);
  return {
    whole: (index, chunk) => ({
      index,
      message: wholeMessage(texts(chunk, true), chunk.calls),
      logprobs: describe(chunk.logprobs),
      finish_reason: finishReason(chunk),
      stop_reason: chunk.stopReason,
      ...ids(chunk.tokenIds),
    }),
    first: ofPrompt,
    rest: ([choice]) => {
      const prompt = choice?.promptLogprobs ?? null;
      return prompt === null
        ? ofPrompt
        : { ...ofPrompt, prompt_logprobs: promptLogprobs(prompt, body.prompt_logprobs ?? 0, tokenizer) };
    },
    chunks: (index, chunk, isFirst) => {
      const deltas = chunkDeltas(texts(chunk, isFirst), chunk.calls, isFirst);
      return deltas.map((delta, i) => ({
        index,
        delta,
        logprobs: describe(i === 0 ? chunk.logprobs : []),
        finish_reason: i === deltas.length - 1 ? finishReason(chunk) : null,
        stop_reason: i === deltas.length - 1 ? chunk.stopReason : null,
        ...ids(i === 0 ? chunk.tokenIds : []),
      }));
    },
  };
}

interface Texts {
  readonly content: string;
  readonly reasoning: string;
}

/** With `echo` an answer that goes on with an assistant's message begins with it. */
function visible(body: ChatBody, { text, reasoning }: TextChunk, isFirst: boolean): Texts {
  const last = body.messages.at(-1);
  const isEchoed = body.echo === true && isFirst && last?.role === 'assistant';
  const begun = isEchoed ? (joinContent(last.content) ?? '') : '';
  return {
    content: begun + text,
    reasoning: body.include_reasoning === false ? '' : reasoning,
  };
}

function finishReason({ finishReason: reason, hasCalls }: TextChunk): string | null {
  return reason === 'stop' && hasCalls ? 'tool_calls' : reason;
}

function wholeMessage({ content, reasoning }: Texts, calls: readonly ToolCall[]): object {
  return {
    role: 'assistant',
    content: content === '' && calls.length > 0 ? null : content,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => describeCall(call, call.arguments)) }),
  };
}

function describeCall({ id, name }: ToolCall, text: string): object {
  return { id, type: 'function', function: { name, arguments: text } };
}

/** One delta of text, then two of each call: its head, and its arguments. The role is in the first of all. */
function chunkDeltas(texts: Texts, calls: readonly ToolCall[], isFirst: boolean): readonly object[] {
  const { content, reasoning } = texts;
  const hasText = content !== '' || reasoning !== '' || calls.length === 0;
  const ofText = {
    ...(reasoning === ''
      ? { content }
      : { reasoning_content: reasoning, ...(content === '' ? {} : { content }) }),
  };
  const ofCalls = calls.flatMap((call) => [
    { tool_calls: [{ index: call.index, ...describeCall(call, '') }] },
    { tool_calls: [{ index: call.index, function: { arguments: call.arguments } }] },
  ]);
  const deltas = hasText ? [ofText, ...ofCalls] : ofCalls;
  return deltas.map((delta, i) => (isFirst && i === 0 ? { role: 'assistant', ...delta } : delta));
}
