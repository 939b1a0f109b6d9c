import t from 'tap';
import { packBlocks, packedFormat } from '#halflight/checkpoint/gguf/repack.js';
import { getBits } from '#halflight/quant/bits.js';
import { formatName } from '#halflight/quant/formats.js';

/** f16 0.5 and −2, little-endian. */
const [HALF, MINUS_TWO] = [
  [0x00, 0x38],
  [0x00, 0xc0],
];

t.test('Q4_0 keeps its codes and scales', (t) => {
  // The low nibbles are codes 0 … 15 of weights 0 … 15, the high ones 15 … 0 of weights 16 … 31.
  const nibbles = Array.from({ length: 16 }, (_, i) => i | ((15 - i) << 4));
  const packed = packBlocks('Q4_0', Uint8Array.from([...HALF, ...nibbles, ...MINUS_TWO, ...nibbles]), 2, 32);
  t.equal(formatName(packed.format), 'int4-g32');
  t.same([...(packed.scales ?? [])], [0xc000_3800]);
  const row = [...[0x7654_3210, 0xfedc_ba98], ...[0x89ab_cdef, 0x0123_4567]];
  t.same([...packed.codes], [...row, ...row]);
  t.end();
});

t.test('Q5_0 and Q8_0 become codes of 8 bits around 128', (t) => {
  const lows = Array.from({ length: 16 }, (_, i) => i | (i << 4));
  // Every odd weight has the fifth bit.
  const five = packBlocks('Q5_0', Uint8Array.from([...HALF, 0xaa, 0xaa, 0xaa, 0xaa, ...lows]), 1, 32);
  const eight = packBlocks(
    'Q8_0',
    Uint8Array.from([...MINUS_TWO, ...lows.map((_, i) => 256 - i), ...lows]),
    1,
    32,
  );
  const codesOf = ({ codes }: typeof five) => Array.from({ length: 32 }, (_, i) => getBits(codes, i, 8));
  t.same(
    codesOf(five),
    Array.from({ length: 32 }, (_, i) => (i % 16) + 16 * (i % 2) - 16 + 128),
  );
  t.same(codesOf(eight).slice(0, 3), [128, 127, 126]);
  t.same(codesOf(eight).slice(16, 19), [128, 145, 162]);
  t.same([five.scales?.[0], eight.scales?.[0]], [0x3800, 0xc000]);
  t.end();
});

t.test('a type without a reader of its own is held in f32', (t) => {
  t.equal(formatName(packedFormat('Q4_K')), 'f32');
  t.equal(formatName(packedFormat('Q8_0')), 'int8-g32');
  const packed = packBlocks(
    'Q4_1',
    Uint8Array.from([...HALF, ...MINUS_TWO, ...new Array(16).fill(0x31)]),
    1,
    32,
  );
  t.equal(packed.scales, null);
  const values = new Float32Array(packed.codes.buffer);
  t.same([values[0], values[31]], [0.5 * 1 - 2, 0.5 * 3 - 2]);
  t.end();
});
