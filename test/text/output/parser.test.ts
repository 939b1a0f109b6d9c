import fc from 'fast-check';
import t from 'tap';
import { type OutputFormat, PLAIN_OUTPUT } from '#halflight/text/output/formats.js';
import { createOutputParser, type OutputContext, type OutputDelta } from '#halflight/text/output/parser.js';
import { cuts, FUNCTIONS, garbage, JSON_FRAGMENTS } from '../../support/output.js';

const QWEN3: OutputFormat = { tools: 'hermes', reasoning: 'qwen3' };

function read(
  format: OutputFormat,
  pieces: readonly string[],
  more: Partial<OutputContext> = {},
): OutputDelta {
  let numIds = 0;
  const context = {
    functions: FUNCTIONS,
    prompt: '',
    begun: null,
    maxCalls: Infinity,
    createId: () => `id-${numIds++}`,
  };
  const parser = createOutputParser(format, { ...context, ...more });
  if (parser === null) throw new Error('no parser');
  const deltas = [...pieces.map((piece) => parser.push(piece)), parser.end()];
  return {
    content: deltas.map(({ content }) => content).join(''),
    reasoning: deltas.map(({ reasoning }) => reasoning).join(''),
    calls: deltas.flatMap(({ calls }) => calls),
  };
}

const CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>';
const ANSWER = `<think>\nHm.\n</think>\n\nI add.\n\n${CALL}\n${CALL}\n`;

t.test('reasoning, content and numbered calls, however the answer is cut', async (t) => {
  const call = (index: number) => ({ index, id: `id-${index}`, name: 'add', arguments: '{"a": 1}' });
  for (const pieces of cuts(ANSWER, 0)) {
    t.same(read(QWEN3, pieces), { reasoning: 'Hm.', content: 'I add.', calls: [call(0), call(1)] });
  }
});

t.test('white space between text and text stays', async (t) => {
  t.equal(read(QWEN3, [`a \n b ${CALL}\n c \n`]).content, 'a \n b\n c \n');
  t.equal(read(QWEN3, [' a '], { functions: null }).content, ' a ');
});

t.test('no more calls are taken than asked for, nor what follows them', async (t) => {
  const { calls, content } = read(QWEN3, [`${CALL}${CALL} and text`], { maxCalls: 1 });
  t.equal(calls.length, 1);
  t.equal(content, '');
});

t.test('where calls are not asked for they are content', async (t) => {
  t.equal(read(QWEN3, [`<think>x</think>${CALL}`], { functions: null }).content, CALL);
});

t.test('the end of the prompt tells whether the answer begins in the reasoning', async (t) => {
  const begun = read(QWEN3, ['Hm.</think>Yes.'], { prompt: '<|im_start|>assistant\n<think>\n' });
  t.match(begun, { reasoning: 'Hm.', content: 'Yes.' });
  const closed = read(QWEN3, ['Yes.'], { prompt: '<|im_start|>assistant\n<think>\n\n</think>\n\n' });
  t.match(closed, { reasoning: '', content: 'Yes.' });
  t.match(read({ tools: null, reasoning: 'deepseek_r1' }, ['Hm.</think>Yes.']), { reasoning: 'Hm.' });
});

t.test('nothing is parsed where a model has neither calls nor reasoning', async (t) => {
  const context = { functions: FUNCTIONS, prompt: '', begun: null, maxCalls: 1, createId: () => '' };
  t.equal(createOutputParser(PLAIN_OUTPUT, context), null);
  t.equal(createOutputParser({ tools: 'hermes', reasoning: null }, { ...context, functions: null }), null);
  const closed = { ...context, functions: null, prompt: '<think></think>' };
  t.equal(createOutputParser(QWEN3, closed), null);
});

t.test('any answer in any format gives the same, whole or cut', async (t) => {
  const formats: OutputFormat[] = [
    QWEN3,
    { tools: 'openai', reasoning: 'openai_gptoss' },
    { tools: 'llama3_json', reasoning: null },
    { tools: 'mistral', reasoning: 'mistral' },
    { tools: 'qwen3_coder', reasoning: 'deepseek_r1' },
  ];
  const markers = [
    '<think>',
    '</think>',
    '<tool_call>',
    '</tool_call>',
    '[TOOL_CALLS]',
    '[THINK]',
    '<|channel|>',
  ];
  const more = ['final<|message|>', '<|python_tag|>', ';', '<|call|>', '<function=add></function>'];
  fc.assert(
    fc.property(
      fc.constantFrom(...formats),
      garbage([...markers, ...more, ...JSON_FRAGMENTS]),
      (format, text) => {
        const whole = JSON.stringify(read(format, [text]));
        return cuts(text, 24).every((pieces) => JSON.stringify(read(format, pieces)) === whole);
      },
    ),
    { seed: 7, numRuns: 500 },
  );
  t.pass('no counterexample');
});
