import t from 'tap';
import { loadArchitectures } from '#halflight/model/architectures.js';
import { checkKeys, ggufNames } from '#halflight/model/gguf-keys.js';
import { fieldsOf } from '../support/gguf.js';

const architectures = await loadArchitectures();

t.test('a family’s names are those of the keys that it reads', (t) => {
  const namesOf = (family: string) => {
    const found = architectures.find(({ name }) => name === family);
    if (found === undefined) throw new Error(family);
    return ggufNames('x', found);
  };
  t.equal(namesOf('granite').attention_multiplier, 'x.attention.scale');
  t.equal(namesOf('llama').attention_multiplier, undefined);
  t.equal(namesOf('mistral').sliding_window, 'x.attention.sliding_window');
  t.equal(namesOf('llama').sliding_window, undefined);
  t.equal(namesOf('llama').rms_norm_eps, 'x.attention.layer_norm_rms_epsilon');
  t.equal(namesOf('gpt2').rms_norm_eps, 'x.attention.layer_norm_epsilon');
  t.end();
});

t.test('keys that are read, that describe the file, or that switch something off pass', (t) => {
  const known = {
    'general.name': 'x',
    'general.type': 'model',
    'split.count': 1,
    'tokenizer.ggml.pre': 'qwen2',
    'tokenizer.ggml.fim_pre_token_id': 5,
    'tokenizer.ggml.remove_extra_whitespaces': false,
    'tokenizer.chat_template': 'x',
    'quantize.imatrix.file': 'x',
    'someone.made.this': true,
  };
  t.doesNotThrow(() => checkKeys(fieldsOf(known)));
  t.end();
});

t.test('keys of the tokenizer that may change the ids are refused by name', (t) => {
  const refused: Record<string, unknown> = {
    'tokenizer.ggml.remove_extra_whitespaces': true,
    'tokenizer.ggml.precompiled_charsmap': [1],
  };
  for (const [key, value] of Object.entries(refused)) {
    const message = `m.gguf: ${key}: not understood, and it may change the result`;
    t.throws(() => checkKeys(fieldsOf({ [key]: value })), { name: 'CheckpointError', message });
  }
  t.end();
});

t.test('files that are no model are refused', (t) => {
  t.throws(() => checkKeys(fieldsOf({ 'general.type': 'adapter' })), {
    message: /adapter is no model/,
  });
  t.end();
});
