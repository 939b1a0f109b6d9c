import fc from 'fast-check';
import t from 'tap';
import { copyBits, type ElementBits, getBits, setBits, wordsFor } from '#halflight/quant/bits.js';

t.test('the first element takes the lowest bits of the first word', (t) => {
  const words = new Uint32Array(2);
  [1, 2, 3, 4, 5, 6, 7, 15, 9].forEach((value, i) => {
    setBits(words, i, 4, value);
  });
  t.strictSame([...words], [0xf7654321, 0x9]);
  setBits(words, 1, 16, 0xabcd);
  t.equal(words[0], 0xabcd4321);
  t.equal(getBits(words, 0, 16), 0x4321);
  t.equal(getBits(words, 3, 8), 0xab);
  t.end();
});

t.test('words are counted with the last one padded', (t) => {
  t.strictSame(
    [wordsFor(0, 4), wordsFor(8, 4), wordsFor(9, 4), wordsFor(3, 16), wordsFor(3, 32)],
    [0, 1, 2, 2, 3],
  );
  t.end();
});

t.test('a copied range holds the same elements and touches no neighbour, aligned or not', (t) => {
  const bitsArbitrary = fc.constantFrom<ElementBits>(4, 8, 16, 32);
  fc.assert(
    fc.property(
      bitsArbitrary,
      fc.uint32Array({ minLength: 20, maxLength: 20 }),
      fc.nat(19),
      fc.nat(19),
      fc.nat(20),
      (bits, words, start, outStart, wanted) => {
        const count = Math.min(wanted, 20 - start, 20 - outStart);
        const out = new Uint32Array(20).fill(0xa5a5a5a5);
        const before = out.slice();
        copyBits({ words, start, count }, out, outStart, bits);
        for (let i = 0; i < 20; i++) {
          const inside = i >= outStart && i < outStart + count;
          const expected = inside ? getBits(words, start + i - outStart, bits) : getBits(before, i, bits);
          if (getBits(out, i, bits) !== expected) return false;
        }
        return true;
      },
    ),
  );
  t.end();
});
