import { CallParser } from './call-parser.js';
import type { EventParser, OfferedFunction, OutputEvent } from './events.js';
import { CALL_FORMATS, isHarmony, type OutputFormat, REASONING_FORMATS } from './formats.js';
import { HarmonyParser } from './harmony.js';
import { PlainParser, ReasoningParser } from './reasoning.js';

export interface ToolCall {
  /** Among the calls of the answer, from 0. */
  readonly index: number;
  readonly id: string;
  readonly name: string;
  /** JSON object. */
  readonly arguments: string;
}

/** What a piece of an answer adds to it. */
export interface OutputDelta {
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly ToolCall[];
}

export interface OutputContext {
  /** null where calls are not asked for: what looks like one is content. */
  readonly functions: readonly OfferedFunction[] | null;
  /** Text of the prompt that the answer follows. */
  readonly prompt: string;
  /** Text of the message that the answer goes on with; null where it begins one. */
  readonly begun: string | null;
  /** Calls in one answer at most. */
  readonly maxCalls: number;
  readonly createId: () => string;
}

/** Reads an answer as a model's format says. null where its text is its content. */
export function createOutputParser(format: OutputFormat, context: OutputContext): OutputParser | null {
  const { functions } = context;
  const tools = functions === null ? null : format.tools;
  if (isHarmony(format)) {
    const options = { reasoning: format.reasoning !== null, calls: tools !== null };
    return new OutputParser(new HarmonyParser(options), context);
  }
  const calls = tools === null || tools === 'openai' ? null : CALL_FORMATS[tools];
  const inner = calls === null ? null : new CallParser(calls, functions ?? []);
  const parser = withReasoning(format, context, inner);
  return parser === null ? null : new OutputParser(parser, context);
}

function withReasoning(
  { reasoning }: OutputFormat,
  { prompt, begun }: OutputContext,
  inner: EventParser | null,
): EventParser | null {
  if (reasoning === null || reasoning === 'openai_gptoss') return inner;
  const format = REASONING_FORMATS[reasoning];
  const thinking = thinkingOf({ tools: null, reasoning }, { prompt, begun });
  if (thinking === 'none') return inner;
  return new ReasoningParser(format, thinking === 'begun', inner ?? new PlainParser());
}

/** Whether the model may think before its answer, or does so already as that begins. */
export function thinkingOf(
  output: OutputFormat,
  { prompt, begun }: Pick<OutputContext, 'prompt' | 'begun'>,
): 'none' | 'may' | 'begun' {
  const { reasoning } = output;
  if (isHarmony(output)) return begun === null ? 'may' : 'none';
  if (reasoning === null || reasoning === 'openai_gptoss') return 'none';
  const { open, close, startsInside } = REASONING_FORMATS[reasoning];
  const end = prompt.trimEnd();
  const isBehind = begun === null ? end.endsWith(close) : begun.lastIndexOf(open) <= begun.lastIndexOf(close);
  if (isBehind) return 'none';
  return startsInside || begun !== null || end.endsWith(open) ? 'begun' : 'may';
}

/** Numbers the calls. White space beside a call is no content. */
export class OutputParser {
  #numCalls = 0;
  /** White space that may stand before a call. */
  #space = '';
  #isBehindCall = false;

  constructor(
    readonly parser: EventParser,
    readonly context: Pick<OutputContext, 'functions' | 'maxCalls' | 'createId'>,
  ) {}

  /** Whether the answer has as many calls as it may: what follows is dropped. */
  get isDone(): boolean {
    return this.#numCalls >= this.context.maxCalls;
  }

  push(text: string): OutputDelta {
    return this.#collect(this.parser.push(text), false);
  }

  /** What was held back, when no text follows. */
  end(): OutputDelta {
    return this.#collect(this.parser.end(), true);
  }

  #collect(events: readonly OutputEvent[], isEnd: boolean): OutputDelta {
    let content = '';
    let reasoning = '';
    const calls: ToolCall[] = [];
    for (const event of events) {
      if (this.isDone) break;
      if (event.kind === 'call') calls.push(this.#number(event.call));
      else if (event.kind === 'reasoning') reasoning += event.text;
      else content += this.#trim(event.text);
    }
    if (isEnd && !this.#isBehindCall) content += this.#space;
    return { content, reasoning, calls };
  }

  #number(call: { readonly name: string; readonly arguments: string }): ToolCall {
    this.#space = '';
    this.#isBehindCall = true;
    return { index: this.#numCalls++, id: this.context.createId(), ...call };
  }

  #trim(text: string): string {
    if (this.context.functions === null) return text;
    const all = this.#space + text;
    const shown = all.trimEnd();
    this.#space = all.slice(shown.length);
    if (shown !== '') this.#isBehindCall = false;
    return shown;
  }
}
