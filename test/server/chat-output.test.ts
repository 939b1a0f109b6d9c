import t from 'tap';
import { outputReading } from '#halflight/server/chat-output.js';
import type { OutputFormat } from '#halflight/text/output/formats.js';
import { FUNCTIONS } from '../support/output.js';

const use = { functions: FUNCTIONS, forced: null, maxCalls: Number.POSITIVE_INFINITY };

function reading(format: OutputFormat, continued: string | null = null) {
  const messages = [{ role: 'assistant', content: continued ?? 'Hi' }];
  const inputs = { messages, tools: null, documents: null, variables: {}, kwargs: {}, source: null };
  const flags = { addGenerationPrompt: continued === null, addSpecialTokens: false };
  return outputReading(format, use, { ...inputs, ...flags, continueFinalMessage: continued !== null }, '');
}

t.test('a model without calls and reasoning has nothing to tell apart', async (t) => {
  t.equal(reading({ tools: null, reasoning: null }), null);
});

t.test('each answer has a parser of its own, that sees its markers', async (t) => {
  const found = reading({ tools: 'mistral', reasoning: null });
  t.ok(found?.shownTokens.includes('[TOOL_CALLS]'));
  t.not(found?.createParser(), found?.createParser());
});

t.test('ids of calls are random, of nine characters for Mistral', async (t) => {
  const idOf = (format: OutputFormat, text: string) =>
    reading(format)?.createParser().push(text).calls[0]?.id;
  const mistral = () => idOf({ tools: 'mistral', reasoning: null }, '[TOOL_CALLS]add{}');
  const hermes = () => idOf({ tools: 'hermes', reasoning: null }, '<tool_call>{"name": "add"}');
  t.match(mistral(), /^[a-zA-Z0-9]{9}$/);
  t.match(hermes(), /^call_[0-9a-f]{32}$/);
  t.not(hermes(), hermes());
  t.not(mistral(), mistral());
});

t.test('an answer that goes on with a message is in the reasoning where that is open', async (t) => {
  const read = (begun: string) =>
    reading({ tools: null, reasoning: 'qwen3' }, begun)?.createParser().push('a</think>b') ?? null;
  t.match(read('<think>so'), { reasoning: 'a', content: 'b' });
  t.equal(read('<think>so</think>then'), null);
  t.equal(read('then'), null);
});
