import { createHash } from 'node:crypto';
import { UserError } from '../errors.js';
import type { ChatMessage, ChatTemplate } from '../text/chat-template.js';
import type { Tokenizer } from '../text/tokenizer.js';

/** A file of calibration text. */
export interface CalibrationFile {
  /** As the report names it. */
  readonly name: string;
  readonly text: string;
}

/** What a report tells of a calibration text. */
export interface CalibrationSource {
  readonly files: readonly string[];
  readonly numSamples: number;
  readonly numTokens: number;
  /** Of all token ids as 32-bit little-endian integers. */
  readonly sha256: string;
}

export interface CalibrationText extends CalibrationSource {
  readonly samples: readonly (readonly number[])[];
}

export interface CalibrationOptions {
  readonly maxSamples: number;
  /** Tokens of a sample. */
  readonly length: number;
}

/**
 * Cuts texts into samples: files one after another, and of the pieces of `length` tokens so many, spread evenly. A text that is shorter than one
 * piece is one. A file `.jsonl` holds conversations, `{"messages": […]}` on each line, or `{"text": …}`. Throws UserError for empty files, and for
 * lines that hold neither.
 */
export function cutSamples(
  files: readonly CalibrationFile[],
  tokenizer: Tokenizer,
  template: ChatTemplate | null,
  { maxSamples, length }: CalibrationOptions,
): CalibrationText {
  const ids = files.flatMap((file) => encodeFile(file, tokenizer, template));
  const pieces = Math.max(1, Math.floor(ids.length / length));
  const numSamples = Math.min(maxSamples, pieces);
  const samples = Array.from({ length: numSamples }, (_, i) => {
    const start = Math.floor((i * pieces) / numSamples) * length;
    return ids.slice(start, start + length);
  });
  return {
    files: files.map(({ name }) => name),
    numSamples,
    numTokens: samples.reduce((sum, sample) => sum + sample.length, 0),
    sha256: createHash('sha256').update(Uint32Array.from(samples.flat())).digest('hex'),
    samples,
  };
}

function encodeFile(file: CalibrationFile, tokenizer: Tokenizer, template: ChatTemplate | null): number[] {
  const ids = file.name.endsWith('.jsonl')
    ? encodeLines(file, tokenizer, template)
    : encodeText(file.text, tokenizer);
  if (ids.length > 0) return ids;
  throw new UserError(`--calibration: ${file.name}: is empty; name a text of some thousand words`);
}

function encodeText(text: string, tokenizer: Tokenizer): number[] {
  return tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true });
}

function encodeLines(
  { name, text }: CalibrationFile,
  tokenizer: Tokenizer,
  template: ChatTemplate | null,
): number[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const where = `--calibration: ${name}: line ${i + 1}`;
    const entry = parseLine(line, where);
    if (typeof entry.text === 'string') return encodeText(entry.text, tokenizer);
    if (template === null) throw new UserError(`${where}: the model has no chat template for messages`);
    return template.encode(messagesOf(entry.messages, where), tokenizer);
  });
}

function parseLine(line: string, where: string): { readonly text?: unknown; readonly messages?: unknown } {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new UserError(`${where}: is no JSON object`);
}

function messagesOf(value: unknown, where: string): readonly ChatMessage[] {
  if (Array.isArray(value) && value.length > 0 && value.every(isMessage)) return value;
  throw new UserError(`${where}: holds neither "text" nor "messages" of a role and a content each`);
}

function isMessage(value: unknown): value is ChatMessage {
  if (typeof value !== 'object' || value === null) return false;
  const { role, content } = value as { role?: unknown; content?: unknown };
  return typeof role === 'string' && typeof content === 'string';
}
