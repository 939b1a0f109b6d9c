import t from 'tap';
import { isHarmony, outputMarkers, PLAIN_OUTPUT } from '#halflight/text/output/formats.js';

t.test('an answer’s parser must see the markers of its format', async (t) => {
  t.same(outputMarkers(PLAIN_OUTPUT), []);
  t.same(outputMarkers({ tools: 'hermes', reasoning: 'qwen3' }), [
    '<tool_call>',
    '</tool_call>',
    '<think>',
    '</think>',
  ]);
  t.same(outputMarkers({ tools: 'mistral', reasoning: null }), ['[TOOL_CALLS]', '[ARGS]', '[CALL_ID]']);
  t.ok(outputMarkers({ tools: null, reasoning: 'openai_gptoss' }).includes('<|channel|>'));
});

t.test('gpt-oss writes messages of its own', async (t) => {
  t.ok(isHarmony({ tools: 'openai', reasoning: null }));
  t.ok(isHarmony({ tools: null, reasoning: 'openai_gptoss' }));
  t.notOk(isHarmony({ tools: 'hermes', reasoning: 'qwen3' }));
});
