import t from 'tap';
import { chatGrammar } from '#halflight/server/chat-grammar.js';
import type { ChatBody } from '#halflight/server/chat-schemas.js';
import { readTools } from '#halflight/server/tools.js';
import type { OutputFormat } from '#halflight/text/output/formats.js';
import { createJudge } from '../support/grammars.js';

const judge = await createJudge();
const tool = (name: string) => ({
  type: 'function' as const,
  function: { name, parameters: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } },
});
const PLAIN: OutputFormat = { tools: null, reasoning: null };
const QWEN: OutputFormat = { tools: 'hermes', reasoning: 'qwen3' };

function grammarOf(fields: Partial<ChatBody>, format: OutputFormat, prompt = '') {
  const body: ChatBody = { messages: [], ...fields };
  const inputs = { messages: [], continueFinalMessage: false } as never;
  return chatGrammar(body, readTools(body), format, { inputs, prompt });
}

t.test('a chat that asks for nothing is free', (t) => {
  t.match(grammarOf({}, QWEN), { grammar: null, output: QWEN });
  t.match(grammarOf({ tools: [tool('f')], tool_choice: 'auto' }, QWEN), { grammar: null });
  t.end();
});

t.test('forced calls are of the functions that may be called, in a format that is read', async (t) => {
  const tools = [tool('f'), tool('g')];
  const any = grammarOf({ tools, tool_choice: 'required' }, PLAIN);
  t.equal(any.output.tools, 'llama3_json');
  t.equal(any.grammar?.field, 'tools');
  const call = (name: string) => `{"name": "${name}", "parameters": {"n": 1}}`;
  t.strictSame(await judge.misfits(any.grammar ?? never(), [call('f'), `${call('g')}; ${call('f')}`]), []);
  const named = grammarOf(
    { tools, tool_choice: { type: 'function', function: { name: 'g' } }, parallel_tool_calls: false },
    PLAIN,
  );
  t.strictSame(
    await judge.misfits(named.grammar ?? never(), [call('g'), call('f'), `${call('g')}; ${call('g')}`]),
    [call('f'), `${call('g')}; ${call('g')}`],
  );
});

t.test('structure, offered calls and thoughts go together', async (t) => {
  const { grammar } = grammarOf({ guided_choice: ['yes'], tools: [tool('f')] }, QWEN, '<think>\n');
  const call = '<tool_call>\n{"name": "f", "arguments": {"n": 2}}\n</tool_call>';
  t.strictSame(await judge.misfits(grammar ?? never(), ['so</think>\n\nyes', `</think>${call}`]), []);
  t.strictSame(await judge.misfits(grammar ?? never(), ['yes']), ['yes']);
});

t.test('a grammar of the caller that would have to be part of more is refused', (t) => {
  const guided_grammar = 'root ::= "a"';
  t.match(grammarOf({ guided_grammar }, QWEN), {
    grammar: { spec: { type: 'ebnf' }, field: 'guided_grammar' },
  });
  const cases: [Partial<ChatBody>, string][] = [
    [{ guided_grammar, tools: [tool('f')] }, ''],
    [{ guided_grammar }, '<think>'],
  ];
  for (const [fields, prompt] of cases)
    t.throws(() => grammarOf(fields, QWEN, prompt), { code: 'invalid_value', param: 'guided_grammar' });
  t.end();
});

function never(): never {
  throw new Error('no grammar');
}
