import { ApiError } from '../errors.js';
import { type ChatInputs, type ChatPrompt, makePrompt } from '../text/chat-prompt.js';
import { chatInputs } from './chat-inputs.js';
import type { PromptBody } from './chat-schemas.js';
import type { ServerContext } from './context.js';
import type { ServedModel } from './models.js';
import type { ToolUse } from './tools.js';

/** A template decides which special tokens are in a prompt. @throws ApiError where the request brings one that the server does not trust */
export function checkTemplate({ chat_template }: PromptBody, { trustRequestTemplates }: ServerContext): void {
  if (trustRequestTemplates || (chat_template ?? null) === null) return;
  const message = 'chat_template: this server takes none; it would with --trust-request-chat-template.';
  throw new ApiError('unsupported_parameter', message, 'chat_template');
}

/** Renders and encodes the prompt of a chat. @throws ApiError where the model has no template, or that refuses the messages */
export async function promptOfChat(
  body: PromptBody,
  tools: ToolUse,
  { tokenizer, template, output }: ServedModel,
  { isolated }: ServerContext,
): Promise<{ inputs: ChatInputs; prompt: ChatPrompt }> {
  if (template === null) {
    throw new ApiError('invalid_value', 'This model has no chat template; use /v1/completions.', 'messages');
  }
  const inputs = chatInputs(body, { template, output }, tools);
  return { inputs, prompt: await makePrompt(inputs, { template, tokenizer, isolated }) };
}
