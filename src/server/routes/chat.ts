import type { FastifyInstance } from 'fastify';
import { ApiError } from '../../errors.js';
import { type AnswerShape, sendAnswer } from '../answer.js';
import { leaseModel, type ServerContext } from '../context.js';
import { logitsParams } from '../logits-params.js';
import { chatLogprobs, noLogprobs, promptLogprobs, tokenNames } from '../logprobs.js';
import type { ServedModel } from '../models.js';
import {
  answerId,
  chatNumLogprobs,
  chatTokens,
  requestedChatTokens,
  requestOptions,
  samplingParams,
  streamParams,
  textOptions,
  truncatePrompt,
} from '../params.js';
import { chatMessages } from '../prompts.js';
import { fanOut, type Plan, startRun } from '../run.js';
import { ChatBody } from '../schemas.js';
import { assertReady } from '../state.js';
import { refuseUnsupported, UNSUPPORTED_CHAT } from '../unsupported.js';

function chatShape(
  body: ChatBody,
  promptTokenIds: readonly number[],
  { tokenizer }: ServedModel,
): AnswerShape {
  const names = tokenNames(tokenizer, body.return_tokens_as_token_ids ?? false);
  const describe = body.logprobs === true ? chatLogprobs(tokenizer, names) : noLogprobs;
  const ids = (tokenIds: readonly number[]) =>
    body.return_token_ids === true ? { token_ids: tokenIds } : {};
  const ofPrompt = body.return_token_ids === true ? { prompt_token_ids: promptTokenIds } : {};
  return {
    whole: (index, { text, logprobs, finishReason, tokenIds }) => ({
      index,
      message: { role: 'assistant', content: text },
      logprobs: describe(logprobs),
      finish_reason: finishReason,
      ...ids(tokenIds),
    }),
    first: ofPrompt,
    rest: ([choice]) => {
      const prompt = choice?.promptLogprobs ?? null;
      return prompt === null
        ? ofPrompt
        : { ...ofPrompt, prompt_logprobs: promptLogprobs(prompt, body.prompt_logprobs ?? 0, tokenizer) };
    },
    chunk: (index, { text, logprobs, finishReason, tokenIds }, isFirst) => ({
      index,
      delta: isFirst ? { role: 'assistant', content: text } : { content: text },
      logprobs: describe(logprobs),
      finish_reason: finishReason,
      ...ids(tokenIds),
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
      const id = answerId('chatcmpl', body);
      const created = Math.floor(Date.now() / 1000);
      const run = startRun(
        model,
        { request, reply },
        { id, plans, numSamples: plans.length, text: textOptions(body) },
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
        {
          run,
          shape: chatShape(body, plans[0]?.promptTokenIds ?? [], model),
          numChoices: plans.length,
          envelope,
        },
        streaming,
      );
    },
  );
}

function planChat(body: ChatBody, { engine, tokenizer, template }: ServedModel): Plan {
  if (template === null) {
    throw new ApiError('invalid_value', 'This model has no chat template; use /v1/completions.', 'messages');
  }
  const requested = requestedChatTokens(body);
  const { maxModelLen } = engine.info;
  const encoded = template.encode(chatMessages(body), tokenizer);
  const promptTokenIds = truncatePrompt(encoded, body, requested, maxModelLen);
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
    numPromptLogprobs: body.prompt_logprobs ?? null,
  };
  const maxTokens = chatTokens(requested, promptTokenIds.length, maxModelLen);
  return {
    promptTokenIds,
    sampling: samplingParams(body, maxTokens, shared),
    ...requestOptions(body),
  };
}
