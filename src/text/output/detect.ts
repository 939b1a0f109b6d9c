import { UserError } from '../../errors.js';
import {
  type OutputFormat,
  REASONING_PARSERS,
  type ReasoningParserName,
  TOOL_CALL_PARSERS,
  type ToolCallParserName,
} from './formats.js';

interface Sign<Name> {
  readonly name: Name;
  readonly pattern: RegExp;
}

/** What a chat template holds whose model writes calls so; the first that is found counts. */
const TOOL_SIGNS: readonly Sign<ToolCallParserName>[] = [
  { name: 'openai', pattern: /<\|channel\|>/ },
  { name: 'mistral', pattern: /\[TOOL_CALLS\]/ },
  { name: 'qwen3_coder', pattern: /<function=/ },
  { name: 'hermes', pattern: /<tool_call>/ },
  { name: 'granite', pattern: /<\|tool_call\|>(?!.*<\|\/tool\|>)/s },
  { name: 'phi4_mini_json', pattern: /<\|\/tool\|>|functools/ },
  { name: 'llama3_json', pattern: /<\|python_tag\|>|"parameters": dictionary/ },
];

const REASONING_SIGNS: readonly Sign<ReasoningParserName>[] = [
  { name: 'openai_gptoss', pattern: /<\|channel\|>/ },
  { name: 'mistral', pattern: /\[THINK\]/ },
  { name: 'deepseek_r1', pattern: /<｜Assistant｜>/ },
  { name: 'qwen3', pattern: /<\/?think>/ },
];

/** How the model of a chat template writes its answers. */
export function detectOutput(template: string): OutputFormat {
  return { tools: nameOf(TOOL_SIGNS, template), reasoning: nameOf(REASONING_SIGNS, template) };
}

/** What `--tool-call-parser` and `--reasoning-parser` say: a name, `none`, or `auto` for what the template tells. */
export interface OutputOptions {
  readonly 'tool-call-parser': string;
  readonly 'reasoning-parser': string;
}

/** @throws UserError for a name that is not known */
export function chooseOutput(template: string, options: OutputOptions): OutputFormat {
  const detected = detectOutput(template);
  return {
    tools: choose('tool-call-parser', options, TOOL_CALL_PARSERS, detected.tools),
    reasoning: choose('reasoning-parser', options, REASONING_PARSERS, detected.reasoning),
  };
}

function choose<Name extends string>(
  option: keyof OutputOptions,
  options: OutputOptions,
  names: readonly Name[],
  detected: Name | null,
): Name | null {
  const given = options[option];
  if (given === 'auto') return detected;
  if (given === 'none') return null;
  const name = names.find((known) => known === given);
  if (name !== undefined) return name;
  throw new UserError(`--${option}: ${JSON.stringify(given)} is none of auto, none, ${names.join(', ')}`);
}

function nameOf<Name>(signs: readonly Sign<Name>[], template: string): Name | null {
  return signs.find(({ pattern }) => pattern.test(template))?.name ?? null;
}
