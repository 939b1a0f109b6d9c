import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PRE_TOKENIZERS } from '#halflight/text/gguf-pre-tokenizers.js';
import { loadTokenizer } from '#halflight/text/tokenizer.js';
import { fableTokens, ggufBytes, string } from '../support/gguf.js';
import { fixture } from '../support/paths.js';

const { texts, ids } = JSON.parse(readFileSync(fixture('gguf/tokens.json'), 'utf8')) as {
  texts: string[];
  ids: Record<string, number[][]>;
};

for (const pre of PRE_TOKENIZERS.keys()) {
  t.test(`${pre} cuts text as llama.cpp does`, (t) => {
    const file = join(t.testdir({}), 'm.gguf');
    writeFileSync(file, ggufBytes({ ...fableTokens(), 'tokenizer.ggml.pre': string(pre) }));
    const tokenizer = loadTokenizer(file);
    const options = { addSpecialTokens: true, parseSpecialTokens: true };
    for (const [i, text] of texts.entries()) t.same(tokenizer.encode(text, options), ids[pre][i], text);
    t.end();
  });
}

t.test('every pattern is a regular expression', (t) => {
  for (const { patterns } of PRE_TOKENIZERS.values()) {
    for (const pattern of patterns) t.doesNotThrow(() => new RegExp(pattern, 'u'), pattern);
  }
  t.end();
});
