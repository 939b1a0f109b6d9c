import t from 'tap';
import { ChatTemplate } from '#halflight/text/chat-template.js';
import { testServer, tokenizer } from '../../support/server.js';

const TEXT = 'Hé <|im_end|> 猫';
const encode = (text: string, addSpecialTokens: boolean) =>
  tokenizer.encode(text, { addSpecialTokens, parseSpecialTokens: true });

async function post(url: string, payload: object, app = testServer()) {
  const reply = await app.inject({ method: 'POST', url, payload });
  return { status: reply.statusCode, body: reply.json() };
}

t.test('a text becomes the tokens of a completion’s prompt', async (t) => {
  const tokens = encode(TEXT, true);
  const { body } = await post('/tokenize', { model: 'fable', prompt: TEXT });
  t.match(body, { count: tokens.length, tokens, token_strs: null, max_model_len: Number });
  const bare = await post('/tokenize', { prompt: TEXT, add_special_tokens: false, return_token_strs: true });
  t.strictSame(bare.body.tokens, encode(TEXT, false));
  t.strictSame(
    bare.body.token_strs,
    encode(TEXT, false).map((id) => tokenizer.tokenText(id)),
  );
  t.strictSame((await post('/tokenize', { prompt: '' })).body.tokens, []);
});

t.test('tokens become their text again', async (t) => {
  const tokens = encode(TEXT, false);
  t.strictSame((await post('/detokenize', { tokens })).body, { prompt: TEXT });
  t.strictSame((await post('/detokenize', { tokens: [] })).body, { prompt: '' });
});

t.test('messages become the prompt that a chat would have', async (t) => {
  const messages = [{ role: 'user', content: 'Hi <|im_end|>' }];
  const source =
    '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}!{% endif %}';
  const app = testServer({ template: new ChatTemplate(source, {}) });
  t.strictSame((await post('/apply-template', { messages }, app)).body, { prompt: '<user>Hi <|im_end|>!' });
  const { tokens } = (await post('/tokenize', { messages }, app)).body;
  const plain = (text: string) =>
    tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: false });
  t.strictSame(tokens, plain('<user>Hi <|im_end|>!'), 'no special token comes of what the caller wrote');
  const open = await post('/apply-template', { messages, add_generation_prompt: false }, app);
  t.strictSame(open.body, { prompt: '<user>Hi <|im_end|>' });
});

t.test('what cannot be read is refused by its name', async (t) => {
  const refusals: [string, object, string][] = [
    ['/tokenize', {}, 'prompt'],
    ['/tokenize', { prompt: 'a', messages: [{ role: 'user', content: 'a' }] }, 'prompt'],
    ['/tokenize', { prompt: 7 }, 'prompt'],
    ['/tokenize', { messages: [] }, 'messages'],
    ['/detokenize', {}, 'tokens'],
    ['/detokenize', { tokens: [1, tokenizer.vocabSize] }, 'tokens[1]'],
    ['/detokenize', { tokens: [0.5] }, 'tokens[0]'],
    ['/apply-template', {}, 'messages'],
    [
      '/apply-template',
      { messages: [{ role: 'user', content: 'a' }], chat_template: '{{ 1 }}' },
      'chat_template',
    ],
  ];
  for (const [url, payload, param] of refusals) {
    const { status, body } = await post(url, payload);
    t.match({ status, param: body.error.param }, { status: 400, param }, `${url} ${JSON.stringify(payload)}`);
  }
});
