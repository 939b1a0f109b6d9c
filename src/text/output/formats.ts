import type { CallFormat } from './call-parser.js';
import { HARMONY_MARKERS } from './harmony.js';
import type { ReasoningMarkers } from './reasoning.js';

/** Names as users of vLLM know them. */
export const TOOL_CALL_PARSERS = [
  'hermes',
  'qwen3_coder',
  'llama3_json',
  'mistral',
  'granite',
  'phi4_mini_json',
  'openai',
] as const;
export const REASONING_PARSERS = ['qwen3', 'deepseek_r1', 'mistral', 'openai_gptoss'] as const;

export type ToolCallParserName = (typeof TOOL_CALL_PARSERS)[number];
export type ReasoningParserName = (typeof REASONING_PARSERS)[number];

const PLAIN: CallFormat = { open: '', close: null, separator: null, bare: false, syntax: 'json' };

/** `openai` is no text with calls in it but messages of its own: see harmony.ts. */
export const CALL_FORMATS: Readonly<Record<Exclude<ToolCallParserName, 'openai'>, CallFormat>> = {
  hermes: { ...PLAIN, open: '<tool_call>', close: '</tool_call>' },
  qwen3_coder: { ...PLAIN, open: '<tool_call>', close: '</tool_call>', syntax: 'xml' },
  llama3_json: { ...PLAIN, open: '<|python_tag|>', separator: ';', bare: true },
  mistral: { ...PLAIN, open: '[TOOL_CALLS]', syntax: 'named-json' },
  granite: { ...PLAIN, open: '<|tool_call|>', close: '<|/tool_call|>' },
  phi4_mini_json: { ...PLAIN, open: 'functools' },
};

export interface ReasoningFormat extends ReasoningMarkers {
  /** The model may leave out what opens its reasoning. */
  readonly startsInside: boolean;
}

export const REASONING_FORMATS: Readonly<
  Record<Exclude<ReasoningParserName, 'openai_gptoss'>, ReasoningFormat>
> = {
  qwen3: { open: '<think>', close: '</think>', startsInside: false },
  deepseek_r1: { open: '<think>', close: '</think>', startsInside: true },
  mistral: { open: '[THINK]', close: '[/THINK]', startsInside: false },
};

/** How a model writes its answers; null where it has no calls, or no reasoning. */
export interface OutputFormat {
  readonly tools: ToolCallParserName | null;
  readonly reasoning: ReasoningParserName | null;
}

export const PLAIN_OUTPUT: OutputFormat = { tools: null, reasoning: null };

export function isHarmony({ tools, reasoning }: OutputFormat): boolean {
  return tools === 'openai' || reasoning === 'openai_gptoss';
}

/** Texts that an answer's parser must see, where they are special tokens too. */
export function outputMarkers(format: OutputFormat): readonly string[] {
  if (isHarmony(format)) return HARMONY_MARKERS;
  const { tools, reasoning } = format;
  const calls = tools === null || tools === 'openai' ? null : CALL_FORMATS[tools];
  const thoughts = reasoning === null || reasoning === 'openai_gptoss' ? null : REASONING_FORMATS[reasoning];
  return [
    ...(calls === null ? [] : [calls.open, calls.close ?? '']),
    ...(calls?.syntax === 'named-json' ? ['[ARGS]', '[CALL_ID]'] : []),
    ...(thoughts === null ? [] : [thoughts.open, thoughts.close]),
  ].filter((marker) => marker !== '');
}
