import t from 'tap';
import { getCode, packBlock } from '#halflight/quant/planes.js';

const BITS = [2, 3, 4, 5, 6, 8] as const;

t.test('every code of every width comes back, and no other block is touched', (t) => {
  for (const bits of BITS) {
    // Each code in turn at each place of the block.
    for (let turn = 0; turn < 2 ** bits; turn++) {
      const codes = Uint8Array.from({ length: 32 }, (_, i) => (37 * i + turn) % 2 ** bits);
      const words = new Uint32Array(3 * bits).fill(0xa5a5a5a5);
      packBlock(codes, 0, bits, words, bits);
      const got = Array.from(codes, (_, i) => getCode(words, 32 + i, bits));
      if (got.join() !== [...codes].join()) t.fail(`${bits} bits, ${codes}`, { got });
      const around = [...words.subarray(0, bits), ...words.subarray(2 * bits)];
      if (around.some((word) => word !== 0xa5a5a5a5)) t.fail(`${bits} bits reach beyond their block`);
    }
  }
  t.end();
});

t.test('6 bits are four words of the lower four and two of the higher two, low bits first', (t) => {
  const codes = new Uint8Array(32);
  codes.set([0b10_0001, 0b01_0010], 0);
  codes[31] = 0b11_1111;
  const words = new Uint32Array(6);
  packBlock(codes, 0, 6, words, 0);
  t.strictSame([...words], [0x21, 0, 0, 0xf0000000, 0b0110, 0xc0000000]);
  t.end();
});

t.test('3 bits are two words of the lower two and one of the highest', (t) => {
  const codes = new Uint8Array(32).fill(0b100, 16);
  codes[1] = 0b011;
  const words = new Uint32Array(3);
  packBlock(codes, 0, 3, words, 0);
  t.strictSame([...words], [0b1100, 0, 0xffff0000]);
  t.end();
});

t.test('codes of 16 and 32 bits just follow one another', (t) => {
  const words = Uint32Array.of(0xfedc8000, 0xffffffff);
  t.equal(getCode(words, 0, 16), 0x8000);
  t.equal(getCode(words, 1, 16), 0xfedc);
  t.equal(getCode(words, 1, 32), 0xffffffff);
  t.end();
});
