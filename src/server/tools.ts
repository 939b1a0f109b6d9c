import { ApiError } from '../errors.js';
import type { OfferedFunction } from '../text/output/events.js';
import type { ChatBody, PromptBody, Tool } from './chat-schemas.js';

const MAX_SCHEMA_BYTES = 64 * 1024;
const MAX_SCHEMA_DEPTH = 32;

/** A function that must be called, or any of those offered. */
export type Forced = { readonly name: string | null };

/** What a request says of functions. */
export interface ToolUse {
  /** Those that the model may call; null where it may call none. */
  readonly functions: readonly OfferedFunction[] | null;
  /** null leaves it to the model whether it calls one. */
  readonly forced: Forced | null;
  readonly maxCalls: number;
}

/** @throws ApiError for a schema out of bounds, two functions of one name, or a choice that is none of them */
export function readTools(body: Pick<ChatBody, 'tools' | 'tool_choice' | 'parallel_tool_calls'>): ToolUse {
  const tools = body.tools ?? [];
  const functions = tools.map(({ function: { name, parameters } }, i) => {
    checkSchema(parameters ?? {}, `tools[${i}].function.parameters`);
    return { name, parameters: parameters ?? {} };
  });
  checkNames(functions);
  const choice = readChoice(body.tool_choice ?? null, functions);
  const maxCalls = body.parallel_tool_calls === false ? 1 : Number.POSITIVE_INFINITY;
  const isOffered = functions.length > 0 && choice !== 'none';
  return {
    functions: isOffered ? functions : null,
    forced: typeof choice === 'string' ? null : choice,
    maxCalls,
  };
}

/** The tools as templates read them; null where the model may call none. */
export function templateTools(
  { tools }: Pick<PromptBody, 'tools'>,
  { functions }: ToolUse,
): readonly object[] | null {
  return functions === null ? null : (tools ?? []).map(withoutNulls);
}

/** null counts as absent, and templates would print it. */
function withoutNulls(tool: Tool): object {
  const described = Object.entries(tool.function).filter(([, value]) => value !== null);
  return { ...tool, function: Object.fromEntries(described) };
}

function checkNames(functions: readonly OfferedFunction[]): void {
  const names = functions.map(({ name }) => name);
  const index = names.findIndex((name, i) => names.indexOf(name) < i);
  if (index < 0) return;
  const param = `tools[${index}].function.name`;
  throw new ApiError('invalid_value', `${param} is the name of an earlier tool.`, param);
}

const CHOICES =
  'tool_choice must be "none", "auto", "required" or {"type": "function", "function": {"name": …}}';

function readChoice(choice: unknown, functions: readonly OfferedFunction[]): 'none' | 'auto' | Forced {
  if (choice === null || choice === 'auto') return 'auto';
  if (choice === 'none') return 'none';
  const name = choice === 'required' ? null : namedChoice(choice);
  if (functions.length === 0) {
    throw new ApiError('invalid_value', 'tool_choice needs tools to choose from.', 'tool_choice');
  }
  if (name !== null && !functions.some((one) => one.name === name)) {
    throw new ApiError('invalid_value', 'tool_choice names none of the tools.', 'tool_choice');
  }
  return { name };
}

function namedChoice(choice: unknown): string {
  const { type, function: named } = Object(choice) as Record<string, unknown>;
  const { name } = Object(named) as Record<string, unknown>;
  if (type === 'function' && typeof name === 'string') return name;
  throw new ApiError('invalid_value', `${CHOICES}.`, 'tool_choice');
}

/** Bounds that keep any reader of the schema from overflowing; what a schema means is the model's business unless a call is forced. */
function checkSchema(schema: Readonly<Record<string, unknown>>, param: string): void {
  const refuse = (problem: string) => new ApiError('invalid_value', `${param} ${problem}.`, param);
  if (Buffer.byteLength(JSON.stringify(schema)) > MAX_SCHEMA_BYTES) {
    throw refuse(`must be at most ${MAX_SCHEMA_BYTES} bytes of JSON`);
  }
  if (schema.type !== undefined && schema.type !== 'object') throw refuse('must be of type "object"');
  const open: { value: unknown; depth: number }[] = [{ value: schema, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (depth > MAX_SCHEMA_DEPTH) throw refuse(`must be nested at most ${MAX_SCHEMA_DEPTH} levels deep`);
    const pattern = badPattern(value);
    if (pattern !== null)
      throw refuse(`has a pattern that is no regular expression: ${pattern.slice(0, 100)}`);
    open.push(...Object.values(value).map((inner) => ({ value: inner, depth: depth + 1 })));
  }
}

function badPattern(schema: object): string | null {
  const { pattern, patternProperties } = schema as Record<string, unknown>;
  const keys = typeof patternProperties === 'object' ? Object.keys(patternProperties ?? {}) : [];
  const patterns = typeof pattern === 'string' ? [pattern, ...keys] : keys;
  return patterns.find((one) => !isRegExp(one)) ?? null;
}

function isRegExp(pattern: string): boolean {
  try {
    new RegExp(pattern, 'u');
    return true;
  } catch {
    return false;
  }
}
