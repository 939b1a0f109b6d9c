import { ApiError } from '../errors.js';
import { type AnswerParts, answerGrammar } from '../grammar/answer-spec.js';
import { forcedFormat } from '../grammar/call-frames.js';
import type { Grammar } from '../grammar/spec.js';
import { begunText, type ChatInputs } from '../text/chat-prompt.js';
import type { OutputFormat } from '../text/output/formats.js';
import { thinkingOf } from '../text/output/parser.js';
import type { ChatBody } from './chat-schemas.js';
import { readStructured } from './structured.js';
import type { ToolUse } from './tools.js';

export interface ChatGrammar {
  /** null leaves the answer free. */
  readonly grammar: Grammar | null;
  /** How the answer is to be read. */
  readonly output: OutputFormat;
}

/**
 * What the answer to a chat must be: the structure that is asked for, or calls where they are forced; either where functions are offered too.
 * @param prompt its text. @throws ApiError where the parts do not go together
 */
export function chatGrammar(
  body: ChatBody,
  tools: ToolUse,
  format: OutputFormat,
  { inputs, prompt }: { readonly inputs: ChatInputs; readonly prompt: string },
): ChatGrammar {
  const structured = readStructured(body);
  const { forced } = tools;
  if (structured === null && forced === null) return { grammar: null, output: format };
  const output = forced === null ? format : { ...format, tools: forcedFormat(format.tools) };
  const begun = begunText(inputs);
  const parts: AnswerParts = {
    content: forced === null ? (structured?.spec ?? null) : null,
    calls: callsOf(tools, output),
    thinking: thinkingOf(output, { prompt, begun }),
  };
  const grammar = answerGrammar(parts, output);
  if (grammar === null) throw notAlone(structured?.field ?? 'tool_choice');
  return { grammar: { ...grammar, field: forced === null ? structured?.field : 'tools' }, output };
}

function callsOf({ functions, forced, maxCalls }: ToolUse, { tools }: OutputFormat): AnswerParts['calls'] {
  if (functions === null || tools === null) return null;
  const named = functions.filter(({ name }) => (forced?.name ?? name) === name);
  return { functions: named, maxCalls: Number.isFinite(maxCalls) ? maxCalls : null };
}

function notAlone(field: string): ApiError {
  const message = `${field}: a grammar goes neither with tools nor with a model that thinks first; send "tool_choice": "none", or a schema instead.`;
  return new ApiError('invalid_value', message, field);
}
