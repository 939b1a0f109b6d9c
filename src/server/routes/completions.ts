import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { type AnswerShape, sendAnswer } from '../answer.js';
import { leaseModel, type ServerContext } from '../context.js';
import type { TextChunk } from '../generation.js';
import { logitsParams } from '../logits-params.js';
import { completionLogprobs, noLogprobs, promptLogprobs } from '../logprobs.js';
import type { ServedModel } from '../models.js';
import { completionTokens, requestOptions, samplingParams, stopStrings, streamParams } from '../params.js';
import { encodePrompts } from '../prompts.js';
import { fanOut, startRun } from '../run.js';
import { CompletionBody } from '../schemas.js';
import { assertReady } from '../state.js';
import { refuseUnsupported, UNSUPPORTED_COMPLETION } from '../unsupported.js';

/** `n` choices per prompt, in the prompts' order. */
function completionShape(body: CompletionBody, { tokenizer }: ServedModel): AnswerShape {
  const describe = (body.logprobs ?? null) === null ? noLogprobs : completionLogprobs(tokenizer);
  const choice = (index: number, { text, logprobs, finishReason }: TextChunk) => ({
    index,
    text,
    logprobs: describe(logprobs),
    finish_reason: finishReason,
  });
  return {
    whole: (index, joined) => {
      const prompt = joined.promptLogprobs;
      const told = prompt === null ? {} : { prompt_logprobs: promptLogprobs(prompt, tokenizer) };
      return { ...choice(index, joined), ...told };
    },
    chunk: choice,
  };
}

/** `POST /v1/completions` */
export function addCompletions(app: FastifyInstance, context: ServerContext): void {
  app.post<{ Body: CompletionBody }>(
    '/v1/completions',
    { schema: { body: CompletionBody } },
    async (request, reply) => {
      const { body } = request;
      const name = context.models.nameOf(body.model);
      refuseUnsupported(body, UNSUPPORTED_COMPLETION);
      const streaming = streamParams(body);
      assertReady(context.state);
      const { model } = await leaseModel(context, reply, name);
      const plans = planCompletions(body, model);
      const id = `cmpl-${randomUUID()}`;
      const created = Math.floor(Date.now() / 1000);
      const run = startRun(
        model,
        { request, reply },
        { id, plans, numSamples: body.n ?? 1, stop: stopStrings(body) },
      );
      const envelope = () => ({
        id,
        object: 'text_completion',
        created,
        model: name,
        system_fingerprint: null,
      });
      return sendAnswer(
        { request, reply },
        { run, shape: completionShape(body, model), numChoices: plans.length, envelope },
        streaming,
      );
    },
  );
}

function planCompletions(body: CompletionBody, { engine, tokenizer }: ServedModel) {
  const shared = {
    vocabSize: tokenizer.vocabSize,
    logits: logitsParams(body, tokenizer),
    numLogprobs: body.logprobs ?? null,
  };
  return encodePrompts(body.prompt, tokenizer).flatMap((promptTokenIds) => {
    const maxTokens = completionTokens(
      body.max_tokens ?? null,
      promptTokenIds.length,
      engine.info.maxModelLen,
    );
    const sampling = samplingParams(body, maxTokens, shared);
    return fanOut({ promptTokenIds, sampling, ...requestOptions(body) }, body.n ?? 1);
  });
}
