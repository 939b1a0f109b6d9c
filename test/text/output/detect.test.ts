import t from 'tap';
import { chooseOutput, detectOutput } from '#halflight/text/output/detect.js';

const CASES = [
  ['<|im_start|>{{ m.content }}', { tools: null, reasoning: null }],
  ["{{ '<tool_call>' }}", { tools: 'hermes', reasoning: null }],
  ["{{ '<tool_call>' }}{{ content.split('</think>') }}", { tools: 'hermes', reasoning: 'qwen3' }],
  ['<tool_call>\n<function=example>', { tools: 'qwen3_coder', reasoning: null }],
  ['[AVAILABLE_TOOLS][TOOL_CALLS]', { tools: 'mistral', reasoning: null }],
  ['[THINK][TOOL_CALLS]', { tools: 'mistral', reasoning: 'mistral' }],
  ["{{ '<|python_tag|>' }}", { tools: 'llama3_json', reasoning: null }],
  [
    '{"name": function name, "parameters": dictionary of argument names}',
    { tools: 'llama3_json', reasoning: null },
  ],
  ['<|channel|>analysis<|message|>', { tools: 'openai', reasoning: 'openai_gptoss' }],
  ['<｜User｜>{{ m.content }}<｜Assistant｜><think>', { tools: null, reasoning: 'deepseek_r1' }],
  ['Write <|tool_call|> followed by a list', { tools: 'granite', reasoning: null }],
  ['<|tool|>{{ tools }}<|/tool|>', { tools: 'phi4_mini_json', reasoning: null }],
] as const;

for (const [template, format] of CASES) {
  t.test(
    `${JSON.stringify(template)} is of a model that writes ${format.tools}, ${format.reasoning}`,
    async (t) => {
      t.same(detectOutput(template), format);
    },
  );
}

t.test('an option goes before what the template tells', async (t) => {
  const choose = (tools: string, reasoning: string) =>
    chooseOutput('<tool_call></think>', { 'tool-call-parser': tools, 'reasoning-parser': reasoning });
  t.same(choose('auto', 'auto'), { tools: 'hermes', reasoning: 'qwen3' });
  t.same(choose('mistral', 'none'), { tools: 'mistral', reasoning: null });
  t.throws(() => choose('hermess', 'auto'), {
    message: /^--tool-call-parser: "hermess" is none of auto, none, hermes/,
  });
});
