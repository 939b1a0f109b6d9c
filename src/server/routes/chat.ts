import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { ApiError } from '../../errors.js';
import { type AnswerShape, sendAnswer } from '../answer.js';
import { leaseModel, type ServerContext } from '../context.js';
import { logitsParams } from '../logits-params.js';
import { chatLogprobs, noLogprobs, promptLogprobs } from '../logprobs.js';
import type { ServedModel } from '../models.js';
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
import { assertReady } from '../state.js';
import { refuseUnsupported, UNSUPPORTED_CHAT } from '../unsupported.js';

function chatShape(body: ChatBody, { tokenizer }: ServedModel): AnswerShape {
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
      const name = context.models.nameOf(body.model);
      refuseUnsupported(body, UNSUPPORTED_CHAT);
      const streaming = streamParams(body);
      assertReady(context.state);
      const { model } = await leaseModel(context, reply, name);
      const plans = fanOut(planChat(body, model), body.n ?? 1);
      const id = `chatcmpl-${randomUUID()}`;
      const created = Math.floor(Date.now() / 1000);
      const run = startRun(
        model,
        { request, reply },
        { id, plans, numSamples: plans.length, stop: stopStrings(body) },
      );
      const envelope = (isChunk: boolean) => ({
        id,
        object: isChunk ? 'chat.completion.chunk' : 'chat.completion',
        created,
        model: name,
        system_fingerprint: null,
      });
      return sendAnswer(
        { request, reply },
        { run, shape: chatShape(body, model), numChoices: plans.length, envelope },
        streaming,
      );
    },
  );
}

function planChat(body: ChatBody, { engine, tokenizer, template }: ServedModel): Plan {
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
