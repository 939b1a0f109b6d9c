import { CheckpointError } from '../errors.js';

export type JsonObject = Readonly<Record<string, unknown>>;

type ReadText = (file: string, encoding: 'utf8') => string;

/** @throws CheckpointError where the file is missing, is not JSON or holds no object */
export function readJsonObject(file: string, read: ReadText): JsonObject {
  const value = parseJson(file, readText(file, read));
  if (!isJsonObject(value)) throw new CheckpointError(file, 'content', 'must be a JSON object');
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readText(file: string, read: ReadText): string {
  try {
    return read(file, 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new CheckpointError(file, 'file', `cannot be read (${String(error.code)})`);
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CheckpointError(file, 'content', 'is not valid JSON');
  }
}
