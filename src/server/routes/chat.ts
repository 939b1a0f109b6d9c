import type { FastifyInstance } from 'fastify';
import { ApiError } from '../../errors.js';
import { makePrompt } from '../../text/chat-prompt.js';
import { sendAnswer } from '../answer.js';
import { chatInputs } from '../chat-inputs.js';
import { outputReading } from '../chat-output.js';
import { ChatBody } from '../chat-schemas.js';
import { chatShape } from '../chat-shape.js';
import { leaseModel, type ServerContext } from '../context.js';
import type { TextOptions } from '../generation.js';
import { logitsParams } from '../logits-params.js';
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
import { fanOut, type Plan, startRun } from '../run.js';
import { assertReady } from '../state.js';
import { readTools, type ToolUse } from '../tools.js';
import { refuseUnsupported, UNSUPPORTED_CHAT } from '../unsupported.js';

/** `POST /v1/chat/completions` */
export function addChat(app: FastifyInstance, context: ServerContext): void {
  app.post<{ Body: ChatBody }>(
    '/v1/chat/completions',
    { schema: { body: ChatBody } },
    async (request, reply) => {
      const { body } = request;
      const name = context.models.nameOf(body.model);
      refuseUnsupported(body, UNSUPPORTED_CHAT);
      checkTemplate(body, context);
      const streaming = streamParams(body);
      const tools = readTools(body);
      assertReady(context.state);
      const { model } = await leaseModel(context, reply, name);
      const { plan, text } = await planChat(body, tools, model, context);
      const plans = fanOut(plan, body.n ?? 1);
      const id = answerId('chatcmpl', body);
      const created = Math.floor(Date.now() / 1000);
      const run = startRun(model, { request, reply }, { id, plans, numSamples: plans.length, text });
      const envelope = (isChunk: boolean) => ({
        id,
        object: isChunk ? 'chat.completion.chunk' : 'chat.completion',
        created,
        model: name,
        system_fingerprint: null,
      });
      const shape = chatShape(body, plan.promptTokenIds, model);
      return sendAnswer({ request, reply }, { run, shape, numChoices: plans.length, envelope }, streaming);
    },
  );
}

/** A template decides which special tokens are in a prompt. */
function checkTemplate({ chat_template }: ChatBody, { trustRequestTemplates }: ServerContext): void {
  if (trustRequestTemplates || (chat_template ?? null) === null) return;
  const message = 'chat_template: this server takes none; it would with --trust-request-chat-template.';
  throw new ApiError('unsupported_parameter', message, 'chat_template');
}

interface ChatPlan {
  readonly plan: Plan;
  readonly text: TextOptions;
}

async function planChat(
  body: ChatBody,
  tools: ToolUse,
  { engine, tokenizer, template, output }: ServedModel,
  { isolated }: ServerContext,
): Promise<ChatPlan> {
  if (template === null) {
    throw new ApiError('invalid_value', 'This model has no chat template; use /v1/completions.', 'messages');
  }
  refuseForced(tools);
  const inputs = chatInputs(body, { template, output }, tools);
  const prompt = await makePrompt(inputs, { template, tokenizer, isolated });
  const requested = requestedChatTokens(body);
  const { maxModelLen } = engine.info;
  const promptTokenIds = truncatePrompt(prompt.tokenIds, body, requested, maxModelLen);
  if (promptTokenIds.length === 0) {
    throw new ApiError(
      'invalid_value',
      'The chat template made an empty prompt of the messages.',
      'messages',
    );
  }
  const sampling = samplingParams(body, chatTokens(requested, promptTokenIds.length, maxModelLen), {
    vocabSize: tokenizer.vocabSize,
    logits: logitsParams(body, tokenizer),
    numLogprobs: chatNumLogprobs(body),
    numPromptLogprobs: body.prompt_logprobs ?? null,
  });
  const reading = outputReading(output, tools, inputs, prompt.text);
  const text = reading === null ? textOptions(body) : { ...textOptions(body), output: reading };
  return { plan: { promptTokenIds, sampling, ...requestOptions(body) }, text };
}

function refuseForced({ forced }: ToolUse): void {
  if (forced === null) return;
  const message = 'tool_choice: calls cannot be forced yet; send "auto" or "none".';
  throw new ApiError('unsupported_parameter', message, 'tool_choice');
}
