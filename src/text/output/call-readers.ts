import { CALL_KEYS, isFunctionName, readCalls } from './calls.js';
import type { FunctionCall, OfferedFunction } from './events.js';
import { isJson, JsonExtent } from './json-extent.js';

export type CallSyntax = 'json' | 'named-json' | 'xml';

/** `broken` where the text can no longer become a call. */
export type ReadResult =
  | 'more'
  | 'broken'
  | { readonly calls: readonly FunctionCall[]; readonly length: number };

/** Reads what stands behind the marker of a call. One reader reads one call, or one list. */
export interface CallReader {
  /** @param text begins with what it was in the last call; @param isEnd nothing follows it */
  read(text: string, isEnd: boolean): ReadResult;
}

export interface ReaderContext {
  readonly functions: readonly OfferedFunction[];
  /** No marker said that this is a call: it is none unless it calls a function that was offered. */
  readonly isBare: boolean;
}

const READERS: Readonly<Record<CallSyntax, (context: ReaderContext) => CallReader>> = {
  json: (context) => new JsonReader(context),
  'named-json': (context) => new NamedReader(context),
  xml: ({ functions }) => new XmlReader(functions),
};

export function createReader(syntax: CallSyntax, context: ReaderContext): CallReader {
  return READERS[syntax](context);
}

/** The value that begins at `start`, white space. */
class ValueReader {
  readonly #extent = new JsonExtent();

  constructor(
    readonly start: number,
    readonly interpret: (json: string) => readonly FunctionCall[] | null,
  ) {}

  read(text: string, isEnd: boolean): ReadResult {
    const value = text.slice(this.start);
    const length = this.#extent.scan(value);
    if (length === 'more') return isEnd ? 'broken' : 'more';
    const calls = length === 'broken' ? null : this.interpret(value.slice(0, length));
    return calls === null || length === 'broken' ? 'broken' : { calls, length: this.start + length };
  }
}

/** `{"name": …, "arguments": …}` or a list of them. */
class JsonReader implements CallReader {
  #value: ValueReader | null = null;

  constructor(readonly context: ReaderContext) {}

  read(text: string, isEnd: boolean): ReadResult {
    if (this.context.isBare && !mayBeCall(text)) return 'broken';
    if (this.#value === null) {
      const start = text.length - text.trimStart().length;
      if (start === text.length) return isEnd ? 'broken' : 'more';
      if (!'{['.includes(text.charAt(start))) return 'broken';
      this.#value = new ValueReader(start, (json) => this.#interpret(json));
    }
    return this.#value.read(text, isEnd);
  }

  #interpret(json: string): readonly FunctionCall[] | null {
    const { functions, isBare } = this.context;
    const calls = readCalls(json);
    const isKnown = ({ name }: FunctionCall) => functions.some((one) => one.name === name);
    return isBare && !calls?.every(isKnown) ? null : calls;
  }
}

/** An answer in JSON is not held back to its end where its first key tells that it is no call. */
function mayBeCall(text: string): boolean {
  const key = /^\s*\[?\s*\{\s*"([^"\\]*)"/.exec(text)?.[1];
  return key === undefined || CALL_KEYS.has(key);
}

const MAX_HEAD_LENGTH = 256;
/** Mistral: `name{…}`, `name[ARGS]{…}` or `name[CALL_ID]id[ARGS]{…}`. */
const HEAD = /^\s*([\w.-]+)(?:\[CALL_ID\]\s*\w+)?(?:\[ARGS\])?\s*$/;

/** As JSON, or with the name before the arguments. */
class NamedReader implements CallReader {
  readonly #json: JsonReader;
  #arguments: ValueReader | null = null;

  constructor(context: ReaderContext) {
    this.#json = new JsonReader(context);
  }

  read(text: string, isEnd: boolean): ReadResult {
    if (/^\s*([{[]|$)/.test(text)) return this.#json.read(text, isEnd);
    if (this.#arguments === null) {
      const start = text.indexOf('{');
      const head = start < 0 ? text : text.slice(0, start);
      if (head.length > MAX_HEAD_LENGTH) return 'broken';
      if (start < 0) return isEnd ? 'broken' : 'more';
      const name = HEAD.exec(head)?.[1] ?? '';
      if (!isFunctionName(name)) return 'broken';
      this.#arguments = new ValueReader(start, (json) => (isJson(json) ? [{ name, arguments: json }] : null));
    }
    return this.#arguments.read(text, isEnd);
  }
}

const XML_END = '</function>';
const XML_CALL = /^\s*<function=([\w.-]+)>(.*)<\/function>$/s;
const XML_PARAMETER = /<parameter=([^>]+)>\n?(.*?)\n?<\/parameter>/gs;

/** Qwen3-Coder: `<function=NAME>`, each argument as `<parameter=KEY>` text `</parameter>`, `</function>`. */
class XmlReader implements CallReader {
  #searched = 0;

  constructor(readonly functions: readonly OfferedFunction[]) {}

  read(text: string, isEnd: boolean): ReadResult {
    const end = text.indexOf(XML_END, this.#searched);
    this.#searched = Math.max(0, text.length - XML_END.length);
    if (end < 0) return isEnd || !mayBeFunction(text) ? 'broken' : 'more';
    const length = end + XML_END.length;
    const [, name = '', body = ''] = XML_CALL.exec(text.slice(0, length)) ?? [];
    if (!isFunctionName(name) || body.replace(XML_PARAMETER, '').trim() !== '') return 'broken';
    const types = typesOf(this.functions.find((one) => one.name === name));
    const entries = [...body.matchAll(XML_PARAMETER)].map(([, key = '', value = '']) => [
      key.trim(),
      typed(value, types[key.trim()]),
    ]);
    return { calls: [{ name, arguments: JSON.stringify(Object.fromEntries(entries)) }], length };
  }
}

function mayBeFunction(text: string): boolean {
  const start = '<function=';
  const trimmed = text.trimStart().slice(0, start.length);
  return start.startsWith(trimmed);
}

function typesOf(offered: OfferedFunction | undefined): Readonly<Record<string, unknown>> {
  const properties = Object(offered?.parameters.properties ?? {}) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(properties).map(([key, schema]) => [key, (Object(schema) as { type?: unknown }).type]),
  );
}

/** A string where the schema says so, or where the text is no JSON. */
function typed(text: string, type: unknown): unknown {
  const isNested = /^\s*[{[]/.test(text);
  if (type === 'string' || (isNested && !isJson(text))) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
