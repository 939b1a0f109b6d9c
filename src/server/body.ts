import type { FastifyInstance } from 'fastify';
import { ApiError } from '../errors.js';

export const BODY_LIMIT_BYTES = 2 * 1024 * 1024;
export const MAX_BODY_DEPTH = 64;

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json(?:;|$)/i;

/** Bodies are JSON objects, nested at most `MAX_BODY_DEPTH` deep; nothing else is parsed. */
export function addBodyParser(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(JSON_TYPE, { parseAs: 'string' }, async (_request: unknown, body: string) =>
    parseBody(body),
  );
}

/** @throws ApiError `invalid_json`, without a piece of the body in its message */
export function parseBody(text: string): Record<string, unknown> {
  if (exceedsDepth(text, MAX_BODY_DEPTH)) {
    throw new ApiError(
      'invalid_json',
      `The body must not be nested more than ${MAX_BODY_DEPTH} levels deep.`,
    );
  }
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError('invalid_json', 'The body must be a JSON object.');
  }
  return value as Record<string, unknown>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ApiError('invalid_json', 'The body is not valid JSON.');
  }
}

/** Read from the text, character by character: the parser accepts what would overflow the stack of all that walks its result. */
function exceedsDepth(text: string, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (inString) {
      if (char === '\\') i++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '[' || char === '{') {
      if (++depth > maxDepth) return true;
    } else if (char === ']' || char === '}') depth--;
  }
  return false;
}
