import t from 'tap';
import { keyOf, tokenTexts } from '#halflight/grammar/compiler.js';
import { GrammarError } from '#halflight/grammar/grammar-error.js';
import { createCompiler, EOS, tokenizer } from '../support/grammars.js';

const compiler = await createCompiler();

t.test('a matcher tells the tokens that may follow, and the end where there may be one', async (t) => {
  const matcher = await compiler.matcher({ spec: { type: 'choice', choices: ['no', 'now'] } }, []);
  const allowed = async () => {
    const words = await matcher.getNextTokenBitmask();
    return [...Array(tokenizer.vocabSize).keys()].filter((id) => ((words[id >>> 5] >>> (id & 31)) & 1) === 1);
  };
  const texts = async () =>
    new Set(
      (await allowed()).map((id) => (id === EOS ? 'end' : Buffer.from(tokenizer.tokenBytes(id)).toString())),
    );
  t.strictSame(
    [...(await texts())].filter((text) => !'now'.startsWith(text)),
    [],
  );
  for (const id of tokenizer.encode('no', { addSpecialTokens: false, parseSpecialTokens: false }))
    matcher.acceptToken(id);
  t.strictSame(await texts(), new Set(['w', 'end']));
  matcher.dispose();
});

t.test('a special token stands for its text only where the grammar is about it', async (t) => {
  const special = tokenizer.specialTokens[0];
  const id = [...Array(tokenizer.vocabSize).keys()].find((one) => tokenizer.tokenText(one) === special) ?? -1;
  t.equal(tokenTexts(tokenizer, tokenizer.vocabSize, new Set())[id].length, 0);
  t.equal(
    Buffer.from(tokenTexts(tokenizer, tokenizer.vocabSize, new Set([special]))[id]).toString(),
    special,
  );
});

t.test('a grammar is named by what it is, not by where it was given', (t) => {
  const spec = { type: 'literal', text: 'a' } as const;
  t.equal(keyOf({ spec, field: 'x' }), keyOf({ spec, field: 'y' }));
  t.not(keyOf({ spec }), keyOf({ spec, specialTokens: ['<s>'] }));
  t.end();
});

t.test('the library’s reason is told', async (t) => {
  await t.rejects(compiler.check({ spec: { type: 'ebnf', text: 'root ::= "a' } }), GrammarError);
  await t.rejects(compiler.check({ spec: { type: 'ebnf', text: 'other ::= "a"' } }), { message: /root/i });
  await compiler.check({ spec: { type: 'ebnf', text: 'root ::= "a"' } });
});
