import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { ApiError } from '../../errors.js';
import { type AnswerShape, sendAnswer } from '../answer.js';
import { resolveModel, type ServerContext } from '../context.js';
import { logitsParams } from '../logits-params.js';
import { chatLogprobs, noLogprobs, promptLogprobs } from '../logprobs.js';
import {
  chatNumLogprobs,
  chatTokens,
  requestedChatTokens,
  requestOptions,
  samplingParams,
  stopStrings,
  streamParams,
} from '../params.js';
import { chatMessages } from '../prompts.js';
import { fanOut, type Plan, startRun } from '../run.js';
import { ChatBody } from '../schemas.js';
import { refuseUnsupported, UNSUPPORTED_CHAT } from '../unsupported.js';

function chatShape(body: ChatBody, { tokenizer }: ServerContext): AnswerShape {
  const describe = body.logprobs === true ? chatLogprobs(tokenizer) : noLogprobs;
  return {
    whole: (index, { text, logprobs, finishReason }) => ({
      index,
      message: { role: 'assistant', content: text },
      logprobs: describe(logprobs),
      finish_reason: finishReason,
    }),
    rest: ([choice]) => {
      const prompt = choice?.promptLogprobs ?? null;
      return prompt === null ? {} : { prompt_logprobs: promptLogprobs(prompt, tokenizer) };
    },
    chunk: (index, { text, logprobs, finishReason }, isFirst) => ({
      index,
      delta: isFirst ? { role: 'assistant', content: text } : { content: text },
      logprobs: describe(logprobs),
      finish_reason: finishReason,
    }),
  };
}

/** `POST /v1/chat/completions` */
export function addChat(app: FastifyInstance, context: ServerContext): void {
  app.post<{ Body: ChatBody }>(
    '/v1/chat/completions',
    { schema: { body: ChatBody } },
    async (request, reply) => {
      const { body } = request;
      const model = resolveModel(context, body.model);
      refuseUnsupported(body, UNSUPPORTED_CHAT);
      const streaming = streamParams(body);
      const plans = fanOut(planChat(body, context), body.n ?? 1);
      const id = `chatcmpl-${randomUUID()}`;
      const created = Math.floor(Date.now() / 1000);
      const run = startRun(
        context,
        { request, reply },
        { id, plans, numSamples: plans.length, stop: stopStrings(body) },
      );
      const envelope = (isChunk: boolean) => ({
        id,
        object: isChunk ? 'chat.completion.chunk' : 'chat.completion',
        created,
        model,
        system_fingerprint: null,
      });
      return sendAnswer(
        { request, reply },
        { run, shape: chatShape(body, context), numChoices: plans.length, envelope },
        streaming,
      );
    },
  );
}

function planChat(body: ChatBody, { engine, tokenizer, template }: ServerContext): Plan {
  if (template === null) {
    throw new ApiError('invalid_value', 'This model has no chat template; use /v1/completions.', 'messages');
  }
  const promptTokenIds = template.encode(chatMessages(body), tokenizer);
  if (promptTokenIds.length === 0) {
    throw new ApiError(
      'invalid_value',
      'The chat template made an empty prompt of the messages.',
      'messages',
    );
  }
  const shared = {
    vocabSize: tokenizer.vocabSize,
    logits: logitsParams(body, tokenizer),
    numLogprobs: chatNumLogprobs(body),
  };
  const maxTokens = chatTokens(requestedChatTokens(body), promptTokenIds.length, engine.info.maxModelLen);
  return {
    promptTokenIds,
    sampling: samplingParams(body, maxTokens, shared),
    ...requestOptions(body),
  };
}
