import { asFields } from './dialects.js';
import type { Message } from './types.js';

/**
 * Prompts of a file: a JSON object a line, or a JSON array of them. An object is `{"prompt"}`, `{"messages"}`, `{"text"}`, or as in ShareGPT
 * `{"conversations": [{"from": "human", "value"}, …]}`, of which the first question counts.
 * @returns null for each entry that holds no prompt, with its number among them
 */
export function readPrompts(text: string): readonly (string | readonly Message[] | null)[] {
  const entries: readonly unknown[] = text.trimStart().startsWith('[')
    ? [parsed(text)].flat()
    : text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map(parsed);
  return entries.map(promptOf);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function promptOf(entry: unknown): string | readonly Message[] | null {
  const { prompt, text, messages, conversations } = asFields(entry);
  const plain = [prompt, text].find((one) => typeof one === 'string' && one !== '');
  if (typeof plain === 'string') return plain;
  if (Array.isArray(messages) && messages.length > 0 && messages.every(isMessage)) return messages;
  return Array.isArray(conversations) ? firstQuestion(conversations) : null;
}

function isMessage(value: unknown): value is Message {
  const { role, content } = asFields(value);
  return typeof role === 'string' && typeof content === 'string';
}

function firstQuestion(turns: readonly unknown[]): string | null {
  const asked = turns.map(asFields).find(({ from }) => from === 'human' || from === 'user');
  return typeof asked?.value === 'string' && asked.value !== '' ? asked.value : null;
}
