import t from 'tap';
import { tokenBytesReader } from '#halflight/text/token-bytes.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

t.test('reads GPT-2’s alphabet, in which each byte is a character', (t) => {
  const bytesOf = tokenBytesReader({ type: 'Sequence', decoders: [{ type: 'ByteLevel' }] });
  t.equal(text(bytesOf('Ġthe')), ' the');
  t.equal(text(bytesOf('ĊĊ')), '\n\n');
  t.equal(text(bytesOf('Ã¶')), 'ö');
  t.same([...bytesOf('ðŁ')], [0xf0, 0x9f], 'half of a character');
  t.same(
    [...bytesOf('ĀĠġłŃ')],
    [0x00, 0x20, 0x7f, 0xa0, 0xad],
    'the ends of the ranges that are not printed',
  );
  t.equal(text(bytesOf('日本')), '日本', 'characters outside the alphabet stand for themselves');
  t.end();
});

t.test('reads SentencePiece’s pieces and bytes', (t) => {
  const bytesOf = tokenBytesReader({
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  });
  t.equal(text(bytesOf('▁the')), ' the');
  t.same([...bytesOf('<0xF0>')], [0xf0]);
  t.equal(text(bytesOf('<0xF0')), '<0xF0');
  t.end();
});

t.test('reads BERT’s words and their continuations, as within a text', (t) => {
  const bytesOf = tokenBytesReader({ type: 'WordPiece', prefix: '##', cleanup: true });
  for (const [token, expected] of [
    ['fox', ' fox'],
    ['##es', 'es'],
    [',', ','],
    ["n't", "n't"],
    ['(', ' ('],
  ]) {
    t.equal(text(bytesOf(token)), expected);
  }
  t.equal(text(tokenBytesReader({ type: 'WordPiece', cleanup: false })(',')), ' ,');
  t.end();
});

t.test('takes a token as it is where the decoder says nothing else', (t) => {
  t.equal(text(tokenBytesReader({ type: 'Metaspace' })('▁a▁b')), ' a b');
  t.equal(text(tokenBytesReader({ type: 'Metaspace', replacement: '_' })('_a')), ' a');
  for (const decoder of [null, undefined, { type: 'Fuse' }, { type: 'Sequence' }]) {
    t.equal(text(tokenBytesReader(decoder)('<0x41>▁')), '<0x41>▁');
  }
  t.equal(
    text(tokenBytesReader({ type: 'Replace', pattern: { Regex: 'a' }, content: 'b' })('a')),
    'a',
    'patterns are left out',
  );
  t.equal(text(tokenBytesReader({ type: 'Replace', pattern: { String: '_' } })('a_')), 'a');
  t.end();
});
