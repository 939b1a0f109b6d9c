import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadChatTemplate } from '#halflight/text/chat-template.js';
import { mergesOfScores, tokenizerJson } from '#halflight/text/gguf-tokenizer.js';
import { loadTokenizer } from '#halflight/text/tokenizer.js';
import { bool, fableTokens, fieldsOf, ggufBytes, list, string, strings, u32 } from '../support/gguf.js';
import { fixture } from '../support/paths.js';

const { texts, ids } = JSON.parse(readFileSync(fixture('gguf/tokens.json'), 'utf8')) as {
  texts: string[];
  ids: { sentencepiece: number[][]; gemma: number[][] };
};
const ALL = { addSpecialTokens: true, parseSpecialTokens: true };

t.test('a SentencePiece vocabulary encodes as llama.cpp does, and decodes to the same text', (t) => {
  const tokenizer = loadTokenizer(fixture('gguf/spm.gguf'));
  for (const [i, text] of texts.entries()) {
    t.same(tokenizer.encode(text, ALL), ids.sentencepiece[i], text);
    t.equal(tokenizer.decode(ids.sentencepiece[i], { skipSpecialTokens: true }), text);
  }
  t.end();
});

t.test(
  'runs of spaces and lines that are tokens of their own, as Gemma has them, are found as llama.cpp finds them',
  (t) => {
    const tokenizer = loadTokenizer(fixture('gguf/gemma.gguf'));
    for (const [i, text] of texts.entries()) {
      t.same(tokenizer.encode(text, ALL), ids.gemma[i], text);
      t.equal(tokenizer.decode(ids.gemma[i], { skipSpecialTokens: true }), text);
    }
    t.end();
  },
);

t.test('of two neighbours those of the highest score are joined first', (t) => {
  const tokens = { texts: ['<s>', 'a', 'b', 'ab', 'ba', 'aba'], types: [3, 1, 1, 1, 1, 1] };
  t.same(mergesOfScores(tokens, [0, -9, -9, -2, -1, -3]), [
    ['b', 'a'],
    ['a', 'b'],
    ['a', 'ba'],
    ['ab', 'a'],
  ]);
  t.end();
});

t.test('the flags put the model’s own tokens around a text', (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  const encodeWith = (flags: Parameters<typeof ggufBytes>[0]) => {
    writeFileSync(file, ggufBytes({ ...fableTokens(), ...flags }));
    return loadTokenizer(file).encode('Once', ALL);
  };
  const plain = encodeWith({});
  t.same(
    encodeWith({ 'tokenizer.ggml.add_bos_token': bool(true), 'tokenizer.ggml.add_eos_token': bool(true) }),
    [0, ...plain, 2],
  );
  t.same(encodeWith({ 'tokenizer.ggml.pre': string('llama-bpe') }), [0, ...plain]);
  t.end();
});

t.test('control tokens are special, user-defined ones are found in plain text', (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  const tokens = strings(['h', 'i', '<x>', '<y>']);
  const types = list([1, 1, 3, 4].map(u32));
  const merges = strings(['h i']);
  writeFileSync(
    file,
    ggufBytes({
      'tokenizer.ggml.model': string('gpt2'),
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.token_type': types,
      'tokenizer.ggml.merges': merges,
    }),
  );
  const tokenizer = loadTokenizer(file);
  t.same(tokenizer.specialTokens, ['<x>']);
  t.same(tokenizer.encode('<y>h', { addSpecialTokens: false, parseSpecialTokens: false }), [3, 0]);
  t.end();
});

t.test('the chat template reads the tokens that it names', (t) => {
  const file = join(t.testdir({}), 'm.gguf');
  const template = string('{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}');
  writeFileSync(file, ggufBytes({ ...fableTokens(), 'tokenizer.chat_template': template }));
  t.equal(loadChatTemplate(file)?.render([{ role: 'user', content: 'hi' }]), '<|endoftext|>hi<|im_end|>');
  writeFileSync(file, ggufBytes(fableTokens()));
  t.equal(loadChatTemplate(file), null);
  writeFileSync(file, ggufBytes({ ...fableTokens(), 'tokenizer.chat_template': string('{% if %}') }));
  t.throws(() => loadChatTemplate(file), {
    name: 'CheckpointError',
    message: /m\.gguf: tokenizer\.chat_template: not a valid template/,
  });
  t.end();
});

t.test('what is not understood is refused with its key', (t) => {
  const tokens = { 'tokenizer.ggml.tokens': ['a'], 'tokenizer.ggml.merges': [] };
  const refuses = (metadata: object, message: RegExp) =>
    t.throws(() => tokenizerJson(fieldsOf({ ...tokens, ...metadata })), { name: 'CheckpointError', message });
  refuses(
    { 'tokenizer.ggml.model': 'bert' },
    /tokenizer\.ggml\.model: "bert" is not read; known: gpt2, llama/,
  );
  const gpt2 = { 'tokenizer.ggml.model': 'gpt2' };
  refuses(
    { ...gpt2, 'tokenizer.ggml.pre': 'klingon' },
    /tokenizer\.ggml\.pre: "klingon" is not read; known: default, /,
  );
  refuses(
    { ...gpt2, 'tokenizer.ggml.merges': ['ab'] },
    /tokenizer\.ggml\.merges\[0\]: must be two tokens, is "ab"/,
  );
  const bos = { 'tokenizer.ggml.bos_token_id': 1, 'tokenizer.ggml.add_bos_token': true };
  refuses({ ...gpt2, ...bos }, /tokenizer\.ggml\.bos_token_id: must be a number from 0 to 0, is 1/);
  refuses({ 'tokenizer.ggml.model': 'llama' }, /tokenizer\.ggml\.scores: missing/);
  t.end();
});
