import { isHarmony, type OutputFormat, outputMarkers, REASONING_FORMATS } from '../text/output/formats.js';
import { callFrames } from './call-frames.js';
import { type CallableFunction, callsSpec, type Grammar, type GrammarSpec, type SpecPart } from './spec.js';

/** What an answer is made of. */
export interface AnswerParts {
  /** What its content must be; null where it may have none. */
  readonly content: GrammarSpec | null;
  /** What it may call instead; null where it may call nothing. */
  readonly calls: {
    readonly functions: readonly CallableFunction[];
    readonly maxCalls: number | null;
  } | null;
  /** Whether the model may think first, or is doing so as its answer begins. */
  readonly thinking: 'none' | 'may' | 'begun';
}

/**
 * An answer as the model writes it, around what is asked for.
 * @returns null where EBNF, which cannot be part of anything, must be part of more
 */
export function answerGrammar(parts: AnswerParts, format: OutputFormat): Grammar | null {
  const { content, calls, thinking } = parts;
  const specialTokens = outputMarkers(format);
  if (content?.type === 'ebnf') {
    const isAlone = calls === null && thinking !== 'begun' && !isHarmony(format);
    return isAlone ? { spec: content } : null;
  }
  const choices = [
    ...(content === null ? [] : [asContent(content, format)]),
    ...(calls === null || format.tools === null ? [] : [asCalls(calls, format.tools)]),
  ];
  const answer: SpecPart = choices.length === 1 ? choices[0] : { type: 'any_of', parts: choices };
  const thoughts = thoughtsSpec(format, thinking);
  const spec: SpecPart = thoughts === null ? answer : { type: 'sequence', parts: [thoughts, answer] };
  return { spec, specialTokens };
}

function asContent(content: SpecPart, format: OutputFormat): SpecPart {
  if (!isHarmony(format)) return content;
  return { type: 'sequence', parts: [literal('<|channel|>final<|message|>'), content] };
}

function asCalls(
  { functions, maxCalls }: NonNullable<AnswerParts['calls']>,
  tools: NonNullable<OutputFormat['tools']>,
): SpecPart {
  const { open, close, separator, frame, maxCalls: most } = callFrames(tools);
  const limits = [maxCalls, most].filter((limit) => limit !== null);
  const limit = limits.length === 0 ? null : Math.min(...limits);
  const calls = callsSpec(functions, frame, { separator, maxCalls: limit });
  return { type: 'sequence', parts: [literal(open), calls, literal(close)] };
}

/** The model's thoughts before its answer; null where it has none. */
function thoughtsSpec(format: OutputFormat, thinking: AnswerParts['thinking']): SpecPart | null {
  if (thinking === 'none') return null;
  if (isHarmony(format)) return optional(HARMONY_THOUGHTS);
  const { reasoning } = format;
  if (reasoning === null || reasoning === 'openai_gptoss') return null;
  const { open, close } = REASONING_FORMATS[reasoning];
  const rest = [until(close), literal(close), SPACE];
  if (thinking === 'begun') return { type: 'sequence', parts: rest };
  return optional({ type: 'sequence', parts: [literal(open), ...rest] });
}

const SPACE: SpecPart = { type: 'regex', pattern: '\\s{0,4}' };

const HARMONY_THOUGHTS: SpecPart = {
  type: 'sequence',
  parts: [literal('<|channel|>analysis<|message|>'), until('<|end|>'), literal('<|end|><|start|>assistant')],
};

/** Any text up to that one, whose first character is nowhere else in it. */
export function until(end: string): SpecPart {
  const chars = [...end].map((char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
  const [first, ...others] = chars;
  const begun = chars.slice(0, -1).map((_, i) => chars.slice(0, i + 1).join(''));
  const broken = begun.map((text, i) => `${text}[^${first}${others[i]}]`);
  return {
    type: 'regex',
    pattern: `(?:[^${first}]|(?:${begun.join('|')})*(?:${broken.join('|')}))*(?:${begun.join('|')})*`,
  };
}

function literal(text: string): SpecPart {
  return { type: 'literal', text };
}

function optional(part: SpecPart): SpecPart {
  return { type: 'any_of', parts: [literal(''), part] };
}
