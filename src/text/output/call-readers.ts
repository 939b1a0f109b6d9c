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
  /**
   * @param text what follows the text of the last call; @param isEnd nothing follows it
   * @returns where it is read: the calls, and their length from the first text on
   */
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

type Interpret = (json: string) => readonly FunctionCall[] | null;

/** Reads a value, which its first text begins with. */
class ValueReader {
  readonly #extent = new JsonExtent();
  readonly #texts: string[] = [];

  /** @param numBefore characters before the value */
  constructor(
    readonly numBefore: number,
    readonly interpret: Interpret,
  ) {}

  read(text: string, isEnd: boolean): ReadResult {
    const end = this.#extent.scan(text);
    this.#texts.push(typeof end === 'number' ? text.slice(0, end) : text);
    if (end === 'more') return isEnd ? 'broken' : 'more';
    const json = this.#texts.join('');
    const calls = end === 'broken' ? null : this.interpret(json);
    return calls === null ? 'broken' : { calls, length: this.numBefore + json.length };
  }
}

/** The first key of an answer in JSON that is no call tells so: it is not held back to its end. */
const FIRST_KEY = /^\s*\[?\s*\{\s*"([^"\\]*)"/;
const MAX_KEY_LENGTH = 128;

/** `{"name": …, "arguments": …}` or a list of them. */
class JsonReader implements CallReader {
  #value: ValueReader | null = null;
  #beginning = '';

  constructor(readonly context: ReaderContext) {}

  read(text: string, isEnd: boolean): ReadResult {
    if (this.#beginning.length < MAX_KEY_LENGTH) this.#beginning += text;
    if (this.context.isBare && !mayBeCall(this.#beginning)) return 'broken';
    if (this.#value !== null) return this.#value.read(text, isEnd);
    const value = this.#beginning.trimStart();
    if (value === '') return isEnd ? 'broken' : 'more';
    if (!'{['.includes(value.charAt(0))) return 'broken';
    const numBefore = this.#beginning.length - value.length;
    this.#value = new ValueReader(numBefore, (json) => this.#interpret(json));
    return this.#value.read(value, isEnd);
  }

  #interpret(json: string): readonly FunctionCall[] | null {
    const { functions, isBare } = this.context;
    const calls = readCalls(json);
    const isKnown = ({ name }: FunctionCall) => functions.some((one) => one.name === name);
    return isBare && !calls?.every(isKnown) ? null : calls;
  }
}

function mayBeCall(beginning: string): boolean {
  const key = FIRST_KEY.exec(beginning.slice(0, MAX_KEY_LENGTH))?.[1];
  return key === undefined ? beginning.length < MAX_KEY_LENGTH : CALL_KEYS.has(key);
}

const MAX_HEAD_LENGTH = 256;
/** Mistral: `name{…}`, `name[ARGS]{…}` or `name[CALL_ID]id[ARGS]{…}`. */
const HEAD = /^\s*([\w.-]+)(?:\[CALL_ID\]\s*\w+)?(?:\[ARGS\])?\s*$/;

/** As JSON, or with the name before the arguments. */
class NamedReader implements CallReader {
  #inner: { read(text: string, isEnd: boolean): ReadResult } | null = null;
  #head = '';

  constructor(readonly context: ReaderContext) {}

  read(text: string, isEnd: boolean): ReadResult {
    if (this.#inner !== null) return this.#inner.read(text, isEnd);
    this.#head += text;
    if (/^\s*[{[]/.test(this.#head)) {
      this.#inner = new JsonReader(this.context);
      return this.#inner.read(this.#head, isEnd);
    }
    return this.#readHead(isEnd);
  }

  #readHead(isEnd: boolean): ReadResult {
    const start = this.#head.indexOf('{');
    const head = start < 0 ? this.#head : this.#head.slice(0, start);
    if (head.length > MAX_HEAD_LENGTH) return 'broken';
    if (start < 0) return isEnd ? 'broken' : 'more';
    const name = HEAD.exec(head)?.[1] ?? '';
    if (!isFunctionName(name)) return 'broken';
    this.#inner = new ValueReader(start, (json) => (isJson(json) ? [{ name, arguments: json }] : null));
    return this.#inner.read(this.#head.slice(start), isEnd);
  }
}

const XML_START = '<function=';
const XML_END = '</function>';
const XML_CALL = /^\s*<function=([\w.-]+)>(.*)<\/function>$/s;
const XML_PARAMETER = /<parameter=([^>]+)>\n?(.*?)\n?<\/parameter>/gs;

/** Qwen3-Coder: `<function=NAME>`, each argument as `<parameter=KEY>` text `</parameter>`, `</function>`. */
class XmlReader implements CallReader {
  readonly #texts: string[] = [];
  /** The last characters: what ends the call may begin in them. */
  #last = '';
  #head = '';

  constructor(readonly functions: readonly OfferedFunction[]) {}

  read(text: string, isEnd: boolean): ReadResult {
    this.#texts.push(text);
    if (this.#head.trimStart().length < XML_START.length) this.#head += text;
    const recent = this.#last + text;
    this.#last = recent.slice(-XML_END.length);
    if (!mayBeFunction(this.#head)) return 'broken';
    if (recent.includes(XML_END)) return this.#interpret(this.#texts.join(''));
    return isEnd ? 'broken' : 'more';
  }

  #interpret(text: string): ReadResult {
    const length = text.indexOf(XML_END) + XML_END.length;
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

function mayBeFunction(head: string): boolean {
  return XML_START.startsWith(head.trimStart().slice(0, XML_START.length));
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
