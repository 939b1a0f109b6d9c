import { ApiError } from '../errors.js';
import { type ChatMessage, type ChatTemplate, templateContext } from './chat-template.js';
import { guardStrings, unusedCharacter } from './guard.js';
import type { TemplateProcess } from './template-process.js';
import type { Tokenizer } from './tokenizer.js';

/** What a prompt is made of. */
export interface ChatInputs {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly object[] | null;
  readonly documents: readonly object[] | null;
  /** Further variables of the template, with values of the server's choice. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** Those that the caller names. */
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly addGenerationPrompt: boolean;
  /** The answer goes on with the last message. */
  readonly continueFinalMessage: boolean;
  /** Let the tokenizer put the model's own tokens around, where the template does not. */
  readonly addSpecialTokens: boolean;
  /** The caller's own template; null takes the model's. */
  readonly source: string | null;
}

/** Text of the message that the answer goes on with; null where it begins one. */
export function begunText({ messages, continueFinalMessage }: ChatInputs): string | null {
  return continueFinalMessage ? (messages.at(-1)?.content ?? '') : null;
}

export interface ChatPrompt {
  /** As the template wrote it, but for marks of the caller's strings. */
  readonly text: string;
  readonly tokenIds: readonly number[];
}

/** How prompts are made for a model. */
export interface PromptMaker {
  readonly template: ChatTemplate;
  readonly tokenizer: Tokenizer;
  readonly isolated: TemplateProcess;
}

/**
 * Renders and encodes. No string of the caller becomes a special token, whatever it holds; only a template of the caller's own may.
 * @throws ApiError where the template refuses, takes too long, or leaves out the message that is to go on
 */
export async function makePrompt(inputs: ChatInputs, maker: PromptMaker): Promise<ChatPrompt> {
  const { tokenizer } = maker;
  const { messages, tools, documents, kwargs } = inputs;
  const end = inputs.continueFinalMessage ? unusedCharacter(inputs) : null;
  const strings = { messages: markEnd(messages, end), tools, documents, kwargs };
  const { value, guard } = guardStrings(strings, tokenizer.specialTokens);
  const rendered = await render(inputs, maker, value.messages, {
    ...inputs.variables,
    ...value.kwargs,
    tools: value.tools,
    documents: value.documents,
    add_generation_prompt: inputs.addGenerationPrompt,
  });
  const text = end === null ? rendered : cutAt(rendered, end);
  const { addSpecialTokens } = inputs;
  return {
    text: text.replaceAll(guard, ''),
    tokenIds: tokenizer.encodeGuarded(text, guard, { addSpecialTokens }),
  };
}

/** Values of the caller can make a model's own template loop, as numbers in `range` do; those that are true or false cannot. */
async function render(
  { source, kwargs }: ChatInputs,
  { template, isolated }: PromptMaker,
  messages: readonly ChatMessage[],
  more: Readonly<Record<string, unknown>>,
): Promise<string> {
  const isHarmless = Object.values(kwargs).every((value) => typeof value === 'boolean' || value === null);
  if (source === null && isHarmless) return template.render(messages, more);
  return isolated.render({
    source: source ?? template.source,
    variables: templateContext(template, messages, more),
  });
}

/** The end of the last message, wherever the template puts it. */
function markEnd(messages: readonly ChatMessage[], end: string | null): readonly ChatMessage[] {
  const last = messages.at(-1);
  if (end === null || last === undefined) return messages;
  return [...messages.slice(0, -1), { ...last, content: last.content + end }];
}

function cutAt(text: string, end: string): string {
  const index = text.lastIndexOf(end);
  if (index >= 0) return text.slice(0, index).replaceAll(end, '');
  const message = 'continue_final_message: the chat template does not write the last message.';
  throw new ApiError('invalid_value', message, 'continue_final_message');
}
