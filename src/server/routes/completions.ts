import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { type AnswerShape, sendAnswer } from '../answer.js';
import { resolveModel, type ServerContext } from '../context.js';
import type { TextChunk } from '../generation.js';
import { logitsParams } from '../logits-params.js';
import { completionLogprobs, noLogprobs, promptLogprobs } from '../logprobs.js';
import { completionTokens, requestOptions, samplingParams, stopStrings, streamParams } from '../params.js';
import { encodePrompts } from '../prompts.js';
import { fanOut, startRun } from '../run.js';
import { CompletionBody } from '../schemas.js';
import { refuseUnsupported, UNSUPPORTED_COMPLETION } from '../unsupported.js';

/** `n` choices per prompt, in the prompts' order. */
function completionShape(body: CompletionBody, { tokenizer }: ServerContext): AnswerShape {
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
      const model = resolveModel(context, body.model);
      refuseUnsupported(body, UNSUPPORTED_COMPLETION);
      const streaming = streamParams(body);
      const plans = planCompletions(body, context);
      const id = `cmpl-${randomUUID()}`;
      const created = Math.floor(Date.now() / 1000);
      const run = startRun(
        context,
        { request, reply },
        { id, plans, numSamples: body.n ?? 1, stop: stopStrings(body) },
      );
      const envelope = () => ({ id, object: 'text_completion', created, model, system_fingerprint: null });
      return sendAnswer(
        { request, reply },
        { run, shape: completionShape(body, context), numChoices: plans.length, envelope },
        streaming,
      );
    },
  );
}

function planCompletions(body: CompletionBody, { engine, tokenizer }: ServerContext) {
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
