import type { FastifyInstance } from 'fastify';
import { ApiError } from '../../errors.js';
import { sendAnswer } from '../answer.js';
import { completionShape } from '../completion-shape.js';
import { leaseModel, type ServerContext } from '../context.js';
import type { TextOptions } from '../generation.js';
import { logitsParams } from '../logits-params.js';
import type { ServedModel } from '../models.js';
import {
  answerId,
  completionTokens,
  requestedTokens,
  requestOptions,
  samplingParams,
  streamParams,
  textOptions,
  truncatePrompt,
} from '../params.js';
import { encodePrompts, type Prompt } from '../prompts.js';
import { fanOut, type Plan, startRun } from '../run.js';
import { CompletionBody } from '../schemas.js';
import { assertReady } from '../state.js';
import { readStructured } from '../structured.js';
import { refuseUnsupported, UNSUPPORTED_COMPLETION } from '../unsupported.js';

/** `POST /v1/completions` */
export function addCompletions(app: FastifyInstance, context: ServerContext): void {
  app.post<{ Body: CompletionBody }>(
    '/v1/completions',
    { schema: { summary: 'Continues prompts', body: CompletionBody } },
    async (request, reply) => {
      const { body } = request;
      const name = context.models.nameOf(body.model);
      refuseUnsupported(body, UNSUPPORTED_COMPLETION);
      const streaming = streamParams(body);
      const text = completionText(body);
      assertReady(context.state);
      const { model } = await leaseModel(context, reply, name);
      const numSamples = body.n ?? 1;
      const prompts = readPrompts(body, model);
      const plans = prompts.flatMap((prompt) => fanOut(planCompletion(body, prompt, model), numSamples));
      const id = answerId('cmpl', body);
      const created = Math.floor(Date.now() / 1000);
      const { budgets } = context;
      const run = startRun(model, { request, reply, budgets }, { id, plans, numSamples, text });
      const envelope = () => ({
        id,
        object: 'text_completion',
        created,
        model: name,
        system_fingerprint: null,
      });
      const ofChoices = prompts.flatMap((prompt) => Array.from({ length: numSamples }, () => prompt));
      return sendAnswer(
        { request, reply, timing: context.timing },
        { run, shape: completionShape(body, ofChoices, model), numChoices: plans.length, envelope },
        streaming,
      );
    },
  );
}

/** No token at all is asked for to learn of the prompt alone. */
function completionText(body: CompletionBody): TextOptions {
  const promptOnly = body.max_tokens === 0;
  if (promptOnly && body.echo !== true) {
    throw new ApiError('invalid_value', 'max_tokens may be 0 only with "echo": true.', 'max_tokens');
  }
  if (body.echo === true && (body.suffix ?? null) !== null) {
    throw new ApiError('invalid_value', 'echo does not go with suffix; send one of them.', 'echo');
  }
  return { ...textOptions(body), promptOnly };
}

function readPrompts(body: CompletionBody, { tokenizer, engine }: ServedModel): readonly Prompt[] {
  const around = { addSpecialTokens: body.add_special_tokens ?? true, suffix: body.suffix ?? null };
  const { maxModelLen } = engine.info;
  return encodePrompts(body.prompt, tokenizer, around).map((prompt) => {
    const tokenIds = truncatePrompt(prompt.tokenIds, body, requestedTokens(body).count, maxModelLen);
    return { tokenIds, text: tokenIds.length < prompt.tokenIds.length ? null : prompt.text };
  });
}

function planCompletion(
  body: CompletionBody,
  { tokenIds: promptTokenIds }: Prompt,
  { engine, tokenizer }: ServedModel,
): Plan {
  const { maxModelLen } = engine.info;
  const maxTokens = completionTokens(requestedTokens(body), promptTokenIds.length, maxModelLen);
  const sampling = samplingParams(body, maxTokens, {
    vocabSize: tokenizer.vocabSize,
    logits: logitsParams(body, tokenizer),
    numLogprobs: body.logprobs ?? null,
    numPromptLogprobs: numPromptLogprobs(body),
    grammar: readStructured(body),
  });
  return { promptTokenIds, sampling, ...requestOptions(body) };
}

/** An echoed prompt is told of like the answer. */
function numPromptLogprobs({ echo, logprobs, prompt_logprobs }: CompletionBody): number | null {
  const asked = [prompt_logprobs ?? null, echo === true ? (logprobs ?? null) : null];
  const counts = asked.filter((one) => one !== null);
  return counts.length === 0 ? null : Math.max(...counts);
}
