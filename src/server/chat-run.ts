import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from '../errors.js';
import { chatGrammar } from './chat-grammar.js';
import { outputReading } from './chat-output.js';
import { checkTemplate, promptOfChat } from './chat-request.js';
import type { ChatBody } from './chat-schemas.js';
import { leaseModel, type ServerContext } from './context.js';
import type { TextOptions } from './generation.js';
import { logitsParams } from './logits-params.js';
import type { ServedModel } from './models.js';
import {
  answerId,
  chatNumLogprobs,
  chatTokens,
  requestedChatTokens,
  requestOptions,
  samplingParams,
  textOptions,
  truncatePrompt,
} from './params.js';
import { fanOut, type Plan, type Run, startRun } from './run.js';
import { assertReady } from './state.js';
import { readTools, type ToolUse } from './tools.js';
import { refuseUnsupported, UNSUPPORTED_CHAT } from './unsupported.js';

/** A chat that is being answered. */
export interface ChatRun {
  readonly id: string;
  /** Under which the model answers. */
  readonly name: string;
  readonly model: ServedModel;
  /** Unix seconds. */
  readonly created: number;
  readonly promptTokenIds: readonly number[];
  readonly numChoices: number;
  readonly run: Run;
}

/**
 * Makes the prompt and starts the answers.
 * @param prefix of the answer's id
 * @throws ApiError for all that can be wrong with a chat
 */
export async function startChat(
  body: ChatBody,
  call: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  context: ServerContext,
  prefix: string,
): Promise<ChatRun> {
  const name = context.models.nameOf(body.model);
  refuseUnsupported(body, UNSUPPORTED_CHAT);
  checkTemplate(body, context);
  const tools = readTools(body);
  assertReady(context.state);
  const { model } = await leaseModel(context, call.reply, name);
  const { plan, text } = await planChat(body, tools, model, context);
  const plans = fanOut(plan, body.n ?? 1);
  const id = answerId(prefix, body);
  const created = Math.floor(Date.now() / 1000);
  const { budgets } = context;
  const run = startRun(model, { ...call, budgets }, { id, plans, numSamples: plans.length, text });
  const { promptTokenIds } = plan;
  return { id, name, model, created, promptTokenIds, numChoices: plans.length, run };
}

interface ChatPlan {
  readonly plan: Plan;
  readonly text: TextOptions;
}

async function planChat(
  body: ChatBody,
  tools: ToolUse,
  model: ServedModel,
  context: ServerContext,
): Promise<ChatPlan> {
  const { engine, tokenizer } = model;
  const { inputs, prompt } = await promptOfChat(body, tools, model, context);
  const requested = requestedChatTokens(body);
  const { maxModelLen } = engine.info;
  const promptTokenIds = truncatePrompt(prompt.tokenIds, body, requested.count, maxModelLen);
  if (promptTokenIds.length === 0) {
    throw new ApiError(
      'invalid_value',
      'The chat template made an empty prompt of the messages.',
      'messages',
    );
  }
  const { grammar, output } = chatGrammar(body, tools, model.output, { inputs, prompt: prompt.text });
  const sampling = samplingParams(body, chatTokens(requested, promptTokenIds.length, maxModelLen), {
    vocabSize: tokenizer.vocabSize,
    logits: logitsParams(body, tokenizer),
    numLogprobs: chatNumLogprobs(body),
    numPromptLogprobs: body.prompt_logprobs ?? null,
    grammar,
  });
  const reading = outputReading(output, tools, inputs, prompt.text);
  const text = reading === null ? textOptions(body) : { ...textOptions(body), output: reading };
  return { plan: { promptTokenIds, sampling, ...requestOptions(body) }, text };
}
