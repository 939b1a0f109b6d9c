import t from 'tap';
import { codeAt, packedWords, unpackLine } from '#halflight/checkpoint/quantized/packing.js';
import { packLow } from './packers.js';

const CODES = Array.from({ length: 21 }, (_, i) => (i * 5 + 3) % 8);

t.test('codes are found in a stream that runs over words, and in words with unused bits', (t) => {
  for (const perWord of [null, 10]) {
    const packing = { bits: 3, perWord };
    const words = Uint32Array.from(packLow(CODES, 3, perWord));
    t.equal(words.length, packedWords(CODES.length, packing));
    const out = new Uint8Array(21);
    unpackLine({ words, start: 0, stride: 1 }, packing, 21, out);
    t.strictSame([...out], CODES);
  }
  t.equal(packedWords(21, { bits: 3, perWord: null }), 2);
  t.equal(packedWords(21, { bits: 3, perWord: 10 }), 3);
  t.end();
});

t.test('a line may run down a column of words', (t) => {
  const [low, high] = packLow(CODES, 3);
  const words = Uint32Array.of(0, low, 0, high);
  const packing = { bits: 3, perWord: null };
  t.strictSame(
    CODES.map((_, i) => codeAt(words, 1, 2, i, packing)),
    CODES,
  );
  t.end();
});
