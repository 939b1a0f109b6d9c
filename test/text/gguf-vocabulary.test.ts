import { readFileSync } from 'node:fs';
import t from 'tap';
import { Fields } from '#halflight/checkpoint/fields.js';
import { readGgufHeader } from '#halflight/checkpoint/gguf/header.js';
import { readBack } from '#halflight/checkpoint/gguf/write.js';
import { readGgufTokenizer, type TokenizerFiles, tokenizerJson } from '#halflight/text/gguf-tokenizer.js';
import { type VocabularyModel, vocabularyKeys } from '#halflight/text/gguf-vocabulary.js';
import { readTokenizerFiles, Tokenizer } from '#halflight/text/tokenizer.js';
import { fableTokens } from '../support/gguf.js';
import { fable } from '../support/models.js';
import { fixture } from '../support/paths.js';

const { texts, ids } = JSON.parse(readFileSync(fixture('gguf/tokens.json'), 'utf8')) as {
  texts: string[];
  ids: Record<string, number[][]>;
};
const ALL = { addSpecialTokens: true, parseSpecialTokens: true };

function modelOf(files: TokenizerFiles, changes: Partial<VocabularyModel> = {}): VocabularyModel {
  return {
    file: 'tokenizer.json',
    files,
    template: null,
    config: {},
    vocabSize: 2048,
    eosTokenIds: [],
    ...changes,
  };
}

/** The bundled model's files, with changes of `tokenizer.json`. */
function fableFiles(changes: object = {}): TokenizerFiles {
  const { json, config } = readTokenizerFiles(fable);
  return { json: { ...json, ...changes }, config };
}

const keysOf = (model: VocabularyModel) => readBack(vocabularyKeys(model));

t.test('tokens, types, merges and special tokens of a byte-level vocabulary are those of its files', (t) => {
  const keys = keysOf(modelOf(fableFiles(), { template: '{{ x }}', config: { pad_token_id: 0 } }));
  const expected = fableTokens() as Record<string, { value: unknown }>;
  t.equal(keys['tokenizer.ggml.model'], 'gpt2');
  t.equal(keys['tokenizer.ggml.pre'], 'qwen2');
  for (const name of ['tokens', 'token_type', 'merges']) {
    const items = expected[`tokenizer.ggml.${name}`].value as { value: unknown }[];
    t.strictSame(
      keys[`tokenizer.ggml.${name}`],
      items.map(({ value }) => value),
      name,
    );
  }
  t.match(keys, {
    'tokenizer.ggml.bos_token_id': 0,
    'tokenizer.ggml.eos_token_id': 2,
    'tokenizer.ggml.padding_token_id': 0,
    'tokenizer.ggml.add_bos_token': false,
    'tokenizer.ggml.add_eos_token': false,
    'tokenizer.chat_template': '{{ x }}',
  });
  t.end();
});

t.test('the cut before merging is found by what it does', (t) => {
  const cuts = [
    [
      'llama-bpe',
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      true,
    ],
    ['gpt-2', "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", false],
  ] as const;
  for (const [name, Regex, ignoreMerges] of cuts) {
    const { json } = fableFiles();
    const split = { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false };
    const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
    const model = { ...(json.model as object), ignore_merges: ignoreMerges };
    const files = fableFiles({ pre_tokenizer: { type: 'Sequence', pretokenizers: [split, bytes] }, model });
    t.equal(keysOf(modelOf(files))['tokenizer.ggml.pre'], name);
  }
  t.end();
});

t.test('a cut that the format has no name for is refused', (t) => {
  const split = { type: 'Split', pattern: { Regex: '.{1,2}' }, behavior: 'Isolated', invert: false };
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  const files = fableFiles({ pre_tokenizer: { type: 'Sequence', pretokenizers: [split, bytes] } });
  t.throws(() => vocabularyKeys(modelOf(files)), { name: 'CheckpointError', message: /no way to cut text/ });
  const words = fableFiles({ model: { type: 'WordPiece', vocab: {}, unk_token: 'x' } });
  t.throws(() => vocabularyKeys(modelOf(words)), /is no BPE/);
  t.end();
});

for (const name of ['spm', 'gemma'] as const) {
  t.test(`${name}.gguf, read and written again, encodes as llama.cpp does`, (t) => {
    const file = fixture(`gguf/${name}.gguf`);
    const vocabSize = readGgufHeader(file).metadata.strings('tokenizer.ggml.tokens').length;
    const keys = keysOf(modelOf(readGgufTokenizer(file), { vocabSize }));
    t.equal(keys['tokenizer.ggml.model'], 'llama');
    t.equal(keys['tokenizer.ggml.add_space_prefix'], name === 'spm');
    t.equal(keys['tokenizer.ggml.add_bos_token'], true);
    const types = readGgufHeader(file).metadata.list('tokenizer.ggml.token_type');
    t.strictSame(keys['tokenizer.ggml.token_type'], types);
    const written = new Tokenizer(tokenizerJson(Fields.from(keys, file)), {});
    const expected = ids[name === 'spm' ? 'sentencepiece' : 'gemma'];
    for (const [i, text] of texts.entries()) t.strictSame(written.encode(text, ALL), expected[i], text);
    t.end();
  });
}

t.test('rows of the embedding without a token are unused, and a token without a row is refused', (t) => {
  const keys = keysOf(modelOf(fableFiles(), { vocabSize: 2050 }));
  t.strictSame((keys['tokenizer.ggml.tokens'] as string[]).slice(2048), ['[PAD2048]', '[PAD2049]']);
  t.strictSame((keys['tokenizer.ggml.token_type'] as number[]).slice(2048), [5, 5]);
  t.throws(() => vocabularyKeys(modelOf(fableFiles(), { vocabSize: 2047 })), /token 2047 has no row/);
  t.end();
});

t.test('end tokens that no reader knows by name have keys, as far as there are any', (t) => {
  const keys = keysOf(modelOf(fableFiles(), { eosTokenIds: [2, 0, 100, 101] }));
  t.match(keys, { 'tokenizer.ggml.eot_token_id': 100, 'tokenizer.ggml.eom_token_id': 101 });
  const many = modelOf(fableFiles(), { eosTokenIds: [100, 101, 102, 103] });
  t.throws(() => vocabularyKeys(many), /more than have keys/);
  t.end();
});
