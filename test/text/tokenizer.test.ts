import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CheckpointError } from '#halflight/errors.js';
import { loadTokenizer, Tokenizer } from '#halflight/text/tokenizer.js';
import { fable } from '../support/models.js';
import { fixture } from '../support/paths.js';
import { tokenizer } from '../support/server.js';

interface Golden {
  readonly encode: readonly { text: string; ids: number[]; plainIds: number[] }[];
  readonly decode: readonly { ids: number[]; text: string; allText: string }[];
}

const golden = JSON.parse(readFileSync(fixture('text/fable-tokenizer.json'), 'utf8')) as Golden;

t.test('encodes as the reference library does', async (t) => {
  for (const { text, ids } of golden.encode) {
    t.same(
      tokenizer.encode(text, { addSpecialTokens: true, parseSpecialTokens: true }),
      ids,
      JSON.stringify(text),
    );
  }
});

t.test('encodes special tokens in plain text as the reference library does', async (t) => {
  for (const { text, plainIds } of golden.encode) {
    const ids = tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: false });
    t.same(ids, plainIds, JSON.stringify(text));
    t.notOk(ids.some((id) => tokenizer.isSpecial(id)));
  }
});

t.test('decodes as the reference library does', async (t) => {
  for (const { ids, text, allText } of golden.decode) {
    t.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), text);
    t.equal(tokenizer.decode(ids, { skipSpecialTokens: false }), allText);
  }
});

t.test('decodes nothing, and ids outside the vocabulary, to no text', async (t) => {
  t.equal(tokenizer.decode([], { skipSpecialTokens: true }), '');
  t.equal(tokenizer.decode([5000, 99999], { skipSpecialTokens: false }), '');
  t.equal(tokenizer.vocabSize, 2048);
});

t.test('tells the bytes of each token: together they are those of the text', async (t) => {
  const text = 'Hello 🙂 wörld,\n日本 ok.';
  const ids = tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: false });
  t.same(Buffer.concat(ids.map((id) => tokenizer.tokenBytes(id))), Buffer.from(text));
  t.equal(tokenizer.tokenText(2), '<|im_end|>');
  t.equal(tokenizer.tokenText(9999), '', 'no token, no text');
  const broken = ids.map((id) => tokenizer.tokenText(id)).filter((piece) => piece.includes('\uFFFD'));
  t.ok(broken.length > 1, 'parts of a character show as U+FFFD');
});

t.test('takes the spaces beside a guarded text that its special tokens swallow', async (t) => {
  const json = JSON.parse(readFileSync(join(fable, 'tokenizer.json'), 'utf8'));
  json.added_tokens[2].rstrip = true;
  json.added_tokens[1].lstrip = true;
  const stripping = new Tokenizer(json, {});
  const guard = '\uFDD0';
  const plain = stripping.encodeGuarded('a  <|im_start|>b<|im_end|>\n\nc', guard);
  t.same(stripping.encodeGuarded(`a  <|im_start|>b${guard}<|im_end|>\n\nc`, guard), plain);
});

t.test('works without any special token', async (t) => {
  const json = JSON.parse(readFileSync(join(fable, 'tokenizer.json'), 'utf8'));
  const bare = new Tokenizer({ ...json, added_tokens: [] }, {});
  const text = 'a <b> c';
  t.equal(bare.decode(bare.encodeGuarded(`${text}\uFDD0`, '\uFDD0'), { skipSpecialTokens: true }), text);
});

t.test('names the file that is missing or broken', async (t) => {
  const dir = t.testdir({});
  const cases = [
    ['tokenizer.json', null],
    ['tokenizer.json', '{'],
    ['tokenizer.json', '[]'],
    ['tokenizer.json', '{}'],
    ['tokenizer.json', '{"added_tokens": [{"id": "x"}], "model": {}}'],
    ['tokenizer_config.json', null],
    ['tokenizer_config.json', '3'],
  ] as const;
  for (const [name, content] of cases) {
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      cpSync(join(fable, file), join(dir, file));
    if (content === null) rmSync(join(dir, name));
    else writeFileSync(join(dir, name), content);
    const error = t.throws(() => loadTokenizer(dir));
    t.type(error, CheckpointError);
    t.match(String(error), name);
  }
});
