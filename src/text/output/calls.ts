import type { FunctionCall } from './events.js';
import { elementsOf, isJson, membersOf } from './json-extent.js';

const NAME = /^[\w.-]{1,64}$/;
const NAME_KEYS = ['name', 'function'] as const;
const ARGUMENT_KEYS = ['arguments', 'parameters'] as const;

/** Keys that an object of a call may begin with. */
export const CALL_KEYS: ReadonlySet<string> = new Set(['type', 'id', ...NAME_KEYS, ...ARGUMENT_KEYS]);

export function isFunctionName(name: string): boolean {
  return NAME.test(name);
}

/** `{"name": …, "arguments": {…}}`, or a list of such; `parameters` is the same as `arguments`. null for anything else. */
export function readCalls(json: string): readonly FunctionCall[] | null {
  if (!isJson(json)) return null;
  const calls = (json.trim().startsWith('[') ? elementsOf(json) : [json.trim()]).map(readCall);
  const known = calls.filter((call) => call !== null);
  return known.length === 0 || known.length < calls.length ? null : known;
}

function readCall(json: string): FunctionCall | null {
  if (!json.startsWith('{')) return null;
  const members = membersOf(json);
  const written = firstOf(members, NAME_KEYS);
  if (written?.startsWith('{')) return readCall(written);
  const name = readString(written ?? 'null');
  const text = readArguments(firstOf(members, ARGUMENT_KEYS) ?? '{}');
  return name === null || !isFunctionName(name) || text === null ? null : { name, arguments: text };
}

/** An object, or one that is written as a string; null stands for none. */
function readArguments(json: string): string | null {
  if (json.startsWith('{')) return json;
  if (json === 'null') return '{}';
  const text = readString(json)?.trim() ?? '';
  return text.startsWith('{') && isJson(text) ? text : null;
}

function readString(json: string): string | null {
  const value: unknown = JSON.parse(json);
  return typeof value === 'string' ? value : null;
}

function firstOf(members: ReadonlyMap<string, string>, keys: readonly string[]): string | undefined {
  const key = keys.find((one) => members.has(one));
  return key === undefined ? undefined : members.get(key);
}
