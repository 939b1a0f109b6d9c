import t from 'tap';
import { type AnswerParts, answerGrammar, until } from '#halflight/grammar/answer-spec.js';
import type { OutputFormat } from '#halflight/text/output/formats.js';
import { createJudge } from '../support/grammars.js';

const judge = await createJudge();
const content = { type: 'choice', choices: ['yes', 'no'] } as const;
const calls = { functions: [{ name: 'f', parameters: { properties: {} } }], maxCalls: null };
const PLAIN: OutputFormat = { tools: null, reasoning: null };
const QWEN: OutputFormat = { tools: 'hermes', reasoning: 'qwen3' };
const HARMONY: OutputFormat = { tools: 'openai', reasoning: 'openai_gptoss' };

async function check(t: Tap, parts: AnswerParts, format: OutputFormat, good: string[], bad: string[]) {
  const grammar = answerGrammar(parts, format);
  if (grammar === null) return t.fail('no grammar');
  t.strictSame(await judge.misfits(grammar, good), []);
  t.strictSame(await judge.misfits(grammar, bad), bad);
}
type Tap = Pick<typeof t, 'strictSame' | 'fail'>;

t.test('an answer is what is asked for, or a call where it may be', async (t) => {
  await check(t, { content, calls: null, thinking: 'none' }, PLAIN, ['yes'], ['', 'yes!']);
  const call = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>';
  await check(
    t,
    { content, calls, thinking: 'none' },
    QWEN,
    ['no', call, `${call}\n${call}`],
    ['', `no${call}`],
  );
  await check(t, { content: null, calls, thinking: 'none' }, QWEN, [call], ['', 'no']);
});

t.test('a model may think before, or goes on with it', async (t) => {
  await check(
    t,
    { content, calls: null, thinking: 'may' },
    QWEN,
    ['yes', '<think>a </b> c</think>\n\nyes'],
    ['<think>x</think>', 'x</think>yes'],
  );
  await check(
    t,
    { content, calls: null, thinking: 'begun' },
    QWEN,
    ['so </thin</think>yes', '</think>\nno'],
    ['yes', '<think>'],
  );
  await check(t, { content, calls: null, thinking: 'none' }, QWEN, ['yes'], ['<think></think>yes']);
});

t.test('messages of gpt-oss stand around it', async (t) => {
  const thought = '<|channel|>analysis<|message|>hm<|end|><|start|>assistant';
  const final = '<|channel|>final<|message|>yes';
  const call = '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}';
  await check(
    t,
    { content, calls, thinking: 'may' },
    HARMONY,
    [final, thought + final, call, thought + call],
    ['yes', thought, call + call],
  );
});

t.test('a grammar of the caller stands alone or not at all', (t) => {
  const ebnf = { type: 'ebnf', text: 'root ::= "a"' } as const;
  t.strictSame(answerGrammar({ content: ebnf, calls: null, thinking: 'may' }, QWEN), { spec: ebnf });
  t.equal(answerGrammar({ content: ebnf, calls: null, thinking: 'begun' }, QWEN), null);
  t.equal(answerGrammar({ content: ebnf, calls, thinking: 'none' }, QWEN), null);
  t.equal(answerGrammar({ content: ebnf, calls: null, thinking: 'none' }, HARMONY), null);
  t.end();
});

t.test('a text up to a marker holds what the marker begins with, and never the marker', async (t) => {
  const spec = until('</think>');
  t.strictSame(
    await judge.misfits(spec, [
      '',
      'a',
      '<',
      '</',
      '<<',
      '</think',
      '<</thin',
      '</x>',
      'a < b </ c',
      '</think </think',
    ]),
    [],
  );
  const bad = ['</think>', 'a</think>', '</think>b', '<</think>', '</thi</think>'];
  t.strictSame(await judge.misfits(spec, bad), bad);
  t.strictSame(await judge.misfits(until('[/THINK]'), ['[', '[/THINK', 'x]']), []);
});
