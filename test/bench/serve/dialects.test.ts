import t from 'tap';
import { DIALECTS } from '#halflight/bench/serve/dialects.js';
import { target } from '../../support/load.js';

const request = { prompt: [1, 2], outputLen: 8 };
const chat = {
  prompt: [
    { role: 'user', content: 'a' },
    { role: 'user', content: 'b' },
  ],
  outputLen: 8,
};

t.test('each API is asked in its own words', (t) => {
  const server = target('http://x', { ignoreEos: true });
  const openai = {
    model: 'toy',
    max_tokens: 8,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
    ignore_eos: true,
  };
  t.strictSame(DIALECTS.openai.body(request, server), { ...openai, prompt: [1, 2] });
  t.strictSame(DIALECTS.vllm.body(request, server), {
    ...openai,
    prompt: [1, 2],
    repetition_penalty: 1,
    min_tokens: 8,
  });
  t.strictSame(DIALECTS['openai-chat'].body({ prompt: 'hi', outputLen: 8 }, server), {
    ...openai,
    messages: [{ role: 'user', content: 'hi' }],
  });
  t.strictSame(DIALECTS['llama-server'].body(request, server), {
    prompt: [1, 2],
    n_predict: 8,
    temperature: 0,
    stream: true,
    ignore_eos: true,
  });
  t.end();
});

t.test('what only some servers know is sent where it is asked for', (t) => {
  for (const { body } of Object.values(DIALECTS)) {
    t.notOk('ignore_eos' in body({ prompt: 'a', outputLen: 8 }, target('http://x')));
    t.notOk('min_tokens' in body({ prompt: 'a', outputLen: 8 }, target('http://x')));
  }
  t.end();
});

t.test('a chat is text where an API knows no messages', (t) => {
  t.match(DIALECTS.openai.body(chat, target('http://x')), { prompt: 'a\nb' });
  t.match(DIALECTS['llama-server'].body(chat, target('http://x')), { prompt: 'a\nb' });
  t.match(DIALECTS['openai-chat'].body(chat, target('http://x')), { messages: chat.prompt });
  t.end();
});

t.test('text, usage and the end are read from the events of each API', (t) => {
  const { openai, 'openai-chat': chats, 'llama-server': llama } = DIALECTS;
  t.strictSame(openai.read({ choices: [{ text: 'a' }] }), { text: 'a', usage: null, isLast: false });
  t.strictSame(openai.read({ choices: [], usage: { prompt_tokens: 2, completion_tokens: 3 } }), {
    text: '',
    usage: { inputTokens: 2, outputTokens: 3 },
    isLast: false,
  });
  t.match(openai.read({ choices: [{ text: '', finish_reason: 'stop' }] }), { isLast: true });
  t.match(chats.read({ choices: [{ delta: { role: 'assistant' } }] }), { text: '' });
  t.match(chats.read({ choices: [{ delta: { reasoning_content: 'hm', content: null } }] }), { text: 'hm' });
  t.match(llama.read({ content: 'a', stop: false }), { text: 'a', usage: null, isLast: false });
  t.strictSame(llama.read({ content: '', stop: true, tokens_evaluated: 4, tokens_predicted: 5 }), {
    text: '',
    usage: { inputTokens: 4, outputTokens: 5 },
    isLast: true,
  });
  t.match(openai.read({}), { text: '', usage: null, isLast: false });
  t.end();
});
