import type { OutputFormat, ReasoningParserName, ToolCallParserName } from './formats.js';

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

function nameOf<Name>(signs: readonly Sign<Name>[], template: string): Name | null {
  return signs.find(({ pattern }) => pattern.test(template))?.name ?? null;
}
