import t from 'tap';
import { callFrames, forcedFormat } from '#halflight/grammar/call-frames.js';
import { TOOL_CALL_PARSERS } from '#halflight/text/output/formats.js';
import { createOutputParser } from '#halflight/text/output/parser.js';

const functions = [
  { name: 'weather', parameters: {} },
  { name: 'time_in', parameters: {} },
];

t.test('calls that are written in a format are read by its parser', (t) => {
  for (const tools of TOOL_CALL_PARSERS) {
    const { open, close, separator, frame, maxCalls } = callFrames(tools);
    const names = maxCalls === 1 ? ['weather'] : ['weather', 'time_in', 'weather'];
    const written = names.map((name) => `${frame(name).before}{"city": "Rome"}${frame(name).after}`);
    const parser = createOutputParser(
      { tools: forcedFormat(tools), reasoning: null },
      { functions, prompt: '', begun: null, maxCalls: 9, createId: () => 'id' },
    );
    const text = `${open}${written.join(separator)}${close}`;
    const deltas = [...text].map((char) => parser?.push(char)).concat(parser?.end());
    const calls = deltas.flatMap((delta) => delta?.calls ?? []);
    t.strictSame(
      calls.map(({ name }) => name),
      names,
      tools,
    );
    t.ok(
      calls.every((call) => call.arguments === '{"city": "Rome"}'),
      tools,
    );
    t.equal(deltas.map((delta) => delta?.content).join(''), '', tools);
  }
  t.end();
});

t.test('models without calls of their own, or with arguments that are no JSON, write plain ones', (t) => {
  t.equal(forcedFormat(null), 'llama3_json');
  t.equal(forcedFormat('qwen3_coder'), 'llama3_json');
  t.equal(forcedFormat('hermes'), 'hermes');
  t.end();
});
