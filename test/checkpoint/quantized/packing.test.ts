import t from 'tap';
import {
  codeAt,
  packedWords,
  packLine,
  swapNibbles,
  unpackLine,
} from '#halflight/checkpoint/quantized/packing.js';
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

t.test('the nibbles of each byte change places', (t) => {
  t.strictSame([...swapNibbles(Uint32Array.of(0xf1234567, 0x0a))], [0x1f325476, 0xa0]);
  t.end();
});

t.test('what is packed is unpacked, with gaps in words and without', (t) => {
  for (const bits of [2, 3, 4, 5, 6, 7, 8]) {
    for (const perWord of [null, Math.floor(32 / bits)]) {
      const codes = Uint8Array.from({ length: 45 }, (_, i) => (i * 37) % 2 ** bits);
      const words = new Uint32Array(3 * packedWords(45, { bits, perWord }));
      const got = new Uint8Array(45);
      packLine({ words, start: 1, stride: 3 }, { bits, perWord }, codes);
      unpackLine({ words, start: 1, stride: 3 }, { bits, perWord }, 45, got);
      t.strictSame(got, codes, `${bits} bits, ${perWord} in a word`);
      t.ok(words.every((word, i) => i % 3 === 1 || word === 0));
    }
  }
  t.end();
});
