import t from 'tap';
import { checkKeys } from '#halflight/model/gguf-keys.js';
import { fieldsOf } from '../support/gguf.js';

t.test('keys that are read, that describe the file, or that switch something off pass', (t) => {
  const known = {
    'general.name': 'x',
    'general.type': 'model',
    'split.count': 1,
    'llama.block_count': 2,
    'llama.expert_count': 0,
    'llama.attention.sliding_window': 4096,
    'tokenizer.ggml.pre': 'qwen2',
    'tokenizer.ggml.fim_pre_token_id': 5,
    'tokenizer.ggml.remove_extra_whitespaces': false,
    'tokenizer.chat_template': 'x',
    'quantize.imatrix.file': 'x',
    'someone.made.this': true,
  };
  t.doesNotThrow(() => checkKeys(fieldsOf(known), 'llama'));
  t.end();
});

t.test('keys that may change the result are refused by name', (t) => {
  const refused: Record<string, unknown> = {
    'llama.expert_count': 8,
    'llama.logit_scale': 0.5,
    'llama.rope.scaling.attn_factor': 1.2,
    'tokenizer.ggml.remove_extra_whitespaces': true,
    'tokenizer.ggml.precompiled_charsmap': [1],
  };
  for (const [key, value] of Object.entries(refused)) {
    const message = `m.gguf: ${key}: not understood, and it may change the result`;
    t.throws(() => checkKeys(fieldsOf({ [key]: value }), 'llama'), { name: 'CheckpointError', message });
  }
  t.throws(() => checkKeys(fieldsOf({ 'qwen2.attention.sliding_window': 8 }), 'qwen2'), {
    name: 'CheckpointError',
  });
  t.end();
});

t.test('parts of a model and files that are no model are refused', (t) => {
  t.throws(() => checkKeys(fieldsOf({ 'split.count': 3 }), 'llama'), {
    message: /split\.count: a part of 3; join/,
  });
  t.throws(() => checkKeys(fieldsOf({ 'general.type': 'adapter' }), 'llama'), {
    message: /adapter is no model/,
  });
  t.end();
});
