import t from 'tap';
import {
  chatLogprobs,
  completionLogprobs,
  noLogprobs,
  promptLogprobs,
  tokenNames,
} from '#halflight/server/logprobs.js';
import { fakeLogprobs } from '../support/fake-engine.js';
import { script, tokenizer } from '../support/server.js';

const place = (tokenId: number, numTop: number, textOffset: number, logprob?: number) => ({
  ...fakeLogprobs(tokenId, numTop, logprob),
  textOffset,
});

const text = (id: number) => tokenizer.tokenText(id);
const names = tokenNames(tokenizer, false);

t.test('of a completion: four lists of a length, the chosen token among the top', (t) => {
  const describe = completionLogprobs(names);
  t.same(describe([place(300, 2, 0), place(401, 2, 3)]), {
    tokens: [text(300), text(401)],
    token_logprobs: [-0.25, -0.25],
    top_logprobs: [
      { [text(300)]: -0.25, [text(301)]: -2 },
      { [text(401)]: -0.25, [text(402)]: -1, [text(403)]: -2 },
    ],
    text_offset: [0, 3],
  });
  t.same(describe([place(401, 0, 0)]), {
    tokens: [text(401)],
    token_logprobs: [-0.25],
    top_logprobs: [{ [text(401)]: -0.25 }],
    text_offset: [0],
  });
  t.same(describe([]), { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] });
  t.end();
});

t.test('of a chat: an entry for each token, with the bytes of each', (t) => {
  const part = script('🙂').slice(0, 1)[0] ?? 0;
  const top = [{ tokenId: 300, logprob: -1 }];
  const bytes = [...tokenizer.tokenBytes(part)];
  t.same(chatLogprobs(tokenizer, names)([{ tokenId: part, logprob: -3, rank: 5, top, textOffset: 0 }]), {
    content: [
      {
        token: '\uFFFD',
        logprob: -3,
        bytes,
        top_logprobs: [{ token: text(300), logprob: -1, bytes: [...Buffer.from(text(300))] }],
      },
    ],
    refusal: null,
  });
  t.same(bytes, [...Buffer.from('🙂')].slice(0, bytes.length));
  t.match(chatLogprobs(tokenizer, names)([place(300, 0, 0)]), { content: [{ top_logprobs: [] }] });
  t.end();
});

t.test('of a prompt: null first, then ranks by token id, its own among them', (t) => {
  const entry = (id: number, logprob: number, rank: number) => ({ logprob, rank, decoded_token: text(id) });
  t.same(promptLogprobs([fakeLogprobs(401, 2), fakeLogprobs(300, 2), fakeLogprobs(9, 0)], 2, tokenizer), [
    null,
    { 401: entry(401, -0.25, 99), 402: entry(402, -1, 1), 403: entry(403, -2, 2) },
    { 300: entry(300, -0.25, 1), 301: entry(301, -2, 2) },
    { 9: entry(9, -0.25, 99) },
  ]);
  t.same(promptLogprobs([], 2, tokenizer), [null]);
  t.end();
});

t.test('tokens are named by their ids where asked for', (t) => {
  const ids = tokenNames(tokenizer, true);
  t.match(completionLogprobs(ids)([place(300, 1, 0)]), {
    tokens: ['token_id:300'],
    top_logprobs: [{ 'token_id:300': -0.25 }],
  });
  t.match(chatLogprobs(tokenizer, ids)([place(300, 0, 0)]), { content: [{ token: 'token_id:300' }] });
  t.end();
});

t.test('of the likeliest tokens of a prompt, no more than were asked for', (t) => {
  t.match(Object.keys(promptLogprobs([fakeLogprobs(401, 5)], 1, tokenizer)[1] ?? {}), ['401', '402']);
  t.end();
});

t.test('what JSON cannot say is -9999', (t) => {
  for (const logprob of [-Infinity, -1e9, -9999]) {
    const token = place(300, 1, 0, logprob);
    t.match(completionLogprobs(names)([token]), {
      token_logprobs: [-9999],
      top_logprobs: [{ [text(300)]: -9999 }],
    });
    t.match(chatLogprobs(tokenizer, names)([token]), {
      content: [{ logprob: -9999, top_logprobs: [{ logprob: -9999 }] }],
    });
    t.match(promptLogprobs([token], 1, tokenizer), [null, { 300: { logprob: -9999 } }]);
  }
  t.end();
});

t.test('is null where it is not asked for', (t) => {
  t.equal(noLogprobs([place(300, 1, 0)]), null);
  t.end();
});
