import t from 'tap';
import { endTokens, readTokens } from '#halflight/text/gguf-tokens.js';
import { fieldsOf } from '../support/gguf.js';

const TOKENS = { 'tokenizer.ggml.tokens': ['a', '<|im_end|>', '<|endoftext|>', '</s>'] };

t.test('without types every token is a normal one', (t) => {
  t.same(readTokens(fieldsOf(TOKENS)).types, [1, 1, 1, 1]);
  t.same(readTokens(fieldsOf({ ...TOKENS, 'tokenizer.ggml.token_type': [1, 3, 4, 3] })).types, [1, 3, 4, 3]);
  t.end();
});

t.test('types must be one number per token', (t) => {
  const refuses = (types: unknown, message: RegExp) =>
    t.throws(() => readTokens(fieldsOf({ ...TOKENS, 'tokenizer.ggml.token_type': types })), {
      name: 'CheckpointError',
      message,
    });
  refuses([1, 3], /m\.gguf: tokenizer\.ggml\.token_type: 2 entries for 4 tokens/);
  refuses([1, 3, '3', 3], /must hold numbers, holds "3"/);
  t.throws(() => readTokens(fieldsOf({})), { message: /tokenizer\.ggml\.tokens: missing/ });
  t.end();
});

t.test('a generation ends with the named tokens and with control tokens of well-known names', (t) => {
  const metadata = { ...TOKENS, 'tokenizer.ggml.eos_token_id': 3, 'tokenizer.ggml.token_type': [1, 3, 1, 3] };
  t.same(endTokens(fieldsOf(metadata)), [3, 1]);
  t.same(endTokens(fieldsOf({ 'tokenizer.ggml.eot_token_id': 7 })), [7]);
  t.same(endTokens(fieldsOf({})), []);
  t.end();
});

t.test('the end of a message ends no generation where there is a token for the end of the answer', (t) => {
  const tokens = ['<|end|>', '<|return|>', '<|call|>'];
  const metadata = { 'tokenizer.ggml.tokens': tokens, 'tokenizer.ggml.token_type': [3, 3, 3] };
  t.same(endTokens(fieldsOf(metadata)), [1, 2]);
  t.same(
    endTokens(fieldsOf({ 'tokenizer.ggml.tokens': ['<|end|>'], 'tokenizer.ggml.token_type': [3] })),
    [0],
  );
  t.end();
});
