import { ApiError } from '../errors.js';
import type { ChatInputs } from '../text/chat-prompt.js';
import { type ChatTemplate, readsVariable } from '../text/chat-template.js';
import type { OutputFormat } from '../text/output/formats.js';
import { chatMessages } from './chat-messages.js';
import type { PromptBody } from './chat-schemas.js';
import { type ToolUse, templateTools } from './tools.js';

/** What the server puts into a template itself. */
const FIXED_VARIABLES: ReadonlySet<string> = new Set([
  ...['messages', 'tools', 'documents', 'add_generation_prompt', 'continue_final_message', 'tokenize'],
  ...[
    'range',
    'raise_exception',
    'strftime_now',
    'namespace',
    'true',
    'false',
    'none',
    'True',
    'False',
    'None',
  ],
  ...['chat_template', 'tools_in_user_message', 'loop'],
]);

const VARIABLE = /^[A-Za-z]\w{0,63}$/;

/** The model, as far as a chat's prompt depends on it. */
export interface ChatModel {
  readonly template: ChatTemplate;
  readonly output: OutputFormat;
}

/**
 * What the prompt of a chat is made of.
 * @throws ApiError where a field is out of bounds, or asks for what the template does not read
 */
export function chatInputs(body: PromptBody, model: ChatModel, tools: ToolUse): ChatInputs {
  const source = body.chat_template ?? null;
  const reads = (variable: string) => readsVariable(source ?? model.template.source, variable);
  const continueFinalMessage = body.continue_final_message ?? false;
  const addGenerationPrompt = body.add_generation_prompt ?? !continueFinalMessage;
  if (continueFinalMessage && addGenerationPrompt) {
    const message = 'continue_final_message and add_generation_prompt exclude each other.';
    throw new ApiError('invalid_value', message, 'add_generation_prompt');
  }
  checkTools(tools, model.output, reads);
  return {
    messages: chatMessages(body),
    tools: templateTools(body, tools),
    documents: readDocuments(body, reads),
    variables: readEffort(body, model.output, reads),
    kwargs: readKwargs(body, model.template),
    addGenerationPrompt,
    continueFinalMessage,
    addSpecialTokens: body.add_special_tokens ?? false,
    source,
  };
}

type Reads = (variable: string) => boolean;

/** A model that does not learn of tools, or whose calls are not understood, would seem never to call any. */
function checkTools({ functions, forced }: ToolUse, output: OutputFormat, reads: Reads): void {
  if (functions === null || forced !== null) return;
  if (!reads('tools')) throw unread('tools');
  if (output.tools !== null) return;
  const message = 'tools: how this model writes calls is not known; the server needs --tool-call-parser.';
  throw new ApiError('unsupported_parameter', message, 'tools');
}

function readDocuments({ documents }: PromptBody, reads: Reads): readonly object[] | null {
  if (documents === undefined || documents === null || documents.length === 0) return null;
  if (!reads('documents')) throw unread('documents');
  return documents;
}

/** `none` turns thinking off where a template can; elsewhere it asks for nothing of a model that does not think. */
function readEffort(
  { reasoning_effort }: PromptBody,
  { reasoning }: OutputFormat,
  reads: Reads,
): object & Record<string, unknown> {
  const effort = reasoning_effort ?? null;
  if (effort === null) return {};
  if (reads('reasoning_effort')) return { reasoning_effort: effort };
  if (effort === 'none' && reads('enable_thinking')) return { enable_thinking: false };
  if (effort === 'none' && reasoning === null) return {};
  throw unread('reasoning_effort');
}

function readKwargs(
  { chat_template_kwargs }: PromptBody,
  { variables }: ChatTemplate,
): Readonly<Record<string, unknown>> {
  const kwargs = chat_template_kwargs ?? {};
  for (const name of Object.keys(kwargs)) {
    const param = `chat_template_kwargs.${name}`;
    if (FIXED_VARIABLES.has(name) || name in variables) {
      throw new ApiError('invalid_value', `${param} is a variable that the server sets.`, param);
    }
    if (!VARIABLE.test(name)) {
      throw new ApiError('invalid_value', `${param} is no name of a variable.`, 'chat_template_kwargs');
    }
  }
  return kwargs;
}

function unread(param: string): ApiError {
  const message = `${param}: the model's chat template takes none; leave it out.`;
  return new ApiError('unsupported_parameter', message, param);
}
