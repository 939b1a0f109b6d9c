import { type FileHandle, open } from 'node:fs/promises';
import { CheckpointError } from '../errors.js';

export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  /** Refuse an object that has the same key twice. JSON.parse would keep the last one in silence. */
  readonly uniqueKeys: boolean;
}

/** Enough for the tokenizers of today (17 MB for 128,000 tokens), small enough to parse in a second. */
export const JSON_LIMITS: JsonLimits = { maxBytes: 256 * 1024 * 1024, maxDepth: 64, uniqueKeys: false };

/** Reads and parses a file of JSON. Throws CheckpointError where it is missing, too large, too deep or not JSON. */
export async function readJson(file: string, limits: JsonLimits = JSON_LIMITS): Promise<unknown> {
  return parseJson(await readBounded(file, limits.maxBytes), file, limits);
}

/** As `readJson`, but undefined where there is no such file. */
export async function readJsonIfAny(file: string, limits: JsonLimits = JSON_LIMITS): Promise<unknown> {
  try {
    return await readJson(file, limits);
  } catch (error) {
    if (error instanceof CheckpointError && isMissing(error.cause)) return undefined;
    throw error;
  }
}

/** @param bytes UTF-8; @param file named in errors */
export function parseJson(bytes: Uint8Array, file: string, limits: JsonLimits = JSON_LIMITS): unknown {
  const text = decodeUtf8(bytes, file);
  const problem = scan(text, limits);
  if (problem !== null) throw new CheckpointError(file, `character ${problem.at}`, problem.what);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CheckpointError(file, 'JSON', `not valid: ${error.message}`);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** A failure of the file system as a CheckpointError; other errors pass through. */
export function fileError(file: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const problem = isMissing(error) ? 'no such file' : `cannot be read (${String(error.code)})`;
  const wrapped = new CheckpointError(file, 'file', problem);
  wrapped.cause = error;
  return wrapped;
}

async function readBounded(file: string, maxBytes: number): Promise<Uint8Array> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(file, 'r');
    const stats = await handle.stat();
    const { size } = stats;
    if (!stats.isFile()) throw new CheckpointError(file, 'file', 'not a regular file');
    if (size > maxBytes)
      throw new CheckpointError(file, 'file', `${size} bytes, more than the ${maxBytes} allowed`);
    return await handle.readFile();
  } catch (error) {
    throw fileError(file, error);
  } finally {
    await handle?.close();
  }
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new CheckpointError(file, 'text', 'not valid UTF-8');
  }
}

interface Problem {
  readonly at: number;
  readonly what: string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Checks depth and keys without recursion, before JSON.parse sees the text. Anything else that is wrong is left to JSON.parse. */
function scan(text: string, limits: JsonLimits): Problem | null {
  const keys: (Set<string> | null)[] = [];
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) {
      const end = stringEnd(text, i);
      const problem = limits.uniqueKeys ? repeatedKey(text, i, end, keys.at(-1)) : null;
      if (problem !== null) return problem;
      i = end;
    } else if (char === 0x7b || char === 0x5b) {
      keys.push(char === 0x7b ? new Set() : null);
      if (keys.length > limits.maxDepth) return { at: i, what: `nested deeper than ${limits.maxDepth}` };
    } else if (char === 0x7d || char === 0x5d) {
      keys.pop();
    }
  }
  return null;
}

/** Index of the closing quote, or the text's end. */
function stringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) return i;
    if (char === BACKSLASH) i++;
  }
  return text.length;
}

function repeatedKey(
  text: string,
  start: number,
  end: number,
  seen: Set<string> | null | undefined,
): Problem | null {
  if (!seen || !isKey(text, end)) return null;
  const key = unescapeKey(text.slice(start, end + 1));
  if (seen.has(key)) return { at: start, what: `key ${JSON.stringify(key)} appears twice` };
  seen.add(key);
  return null;
}

function isKey(text: string, end: number): boolean {
  let i = end + 1;
  while (i < text.length && text.charCodeAt(i) <= 0x20) i++;
  return text.charCodeAt(i) === COLON;
}

/** `"\u0061"` and `"a"` are the same key. A malformed string stays as it is: JSON.parse will refuse the whole text. */
function unescapeKey(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return quoted;
  }
}
