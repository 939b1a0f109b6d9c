import { randomInt, randomUUID } from 'node:crypto';
import { begunText, type ChatInputs } from '../text/chat-prompt.js';
import { type OutputFormat, outputMarkers } from '../text/output/formats.js';
import { createOutputParser, type OutputContext } from '../text/output/parser.js';
import type { OutputReading } from './generation.js';
import type { ToolUse } from './tools.js';

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
/** Templates of Mistral refuse ids of another length. */
const MISTRAL_ID_LENGTH = 9;

/** How the answers to a chat are told apart; null where their text is all content. */
export function outputReading(
  format: OutputFormat,
  { functions, maxCalls }: ToolUse,
  inputs: ChatInputs,
  prompt: string,
): OutputReading | null {
  const begun = begunText(inputs);
  const createId = format.tools === 'mistral' ? mistralId : callId;
  const context: OutputContext = { functions, prompt, begun, maxCalls, createId };
  if (createOutputParser(format, context) === null) return null;
  return {
    shownTokens: outputMarkers(format),
    createParser: () => {
      const parser = createOutputParser(format, context);
      if (parser === null) throw new Error('a format has a parser or not');
      return parser;
    },
  };
}

function callId(): string {
  return `call_${randomUUID().replaceAll('-', '')}`;
}

function mistralId(): string {
  return Array.from({ length: MISTRAL_ID_LENGTH }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('');
}
