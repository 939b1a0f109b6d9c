import t from 'tap';
import { packBlocks, packedFormat } from '#halflight/checkpoint/gguf/repack.js';
import { GGUF_TYPES, isBlockType } from '#halflight/checkpoint/gguf/types.js';
import { getBits } from '#halflight/quant/bits.js';
import { formatName } from '#halflight/quant/formats.js';
import { weightBytes } from '#halflight/quant/weight.js';

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

t.test('Q5_0 keeps its codes around 16, and Q8_0 has them around 128', (t) => {
  const lows = Array.from({ length: 16 }, (_, i) => i | (i << 4));
  // Every odd weight has the fifth bit.
  const five = packBlocks('Q5_0', Uint8Array.from([...HALF, 0xaa, 0xaa, 0xaa, 0xaa, ...lows]), 1, 32);
  const eight = packBlocks(
    'Q8_0',
    Uint8Array.from([...MINUS_TWO, ...lows.map((_, i) => 256 - i), ...lows]),
    1,
    32,
  );
  t.equal(formatName(five.format), 'int5-g32');
  t.same([...five.codes], [0x7654_3210, 0xfedc_ba98, 0x7654_3210, 0xfedc_ba98, 0xaaaa_aaaa]);
  const codes = Array.from({ length: 32 }, (_, i) => getBits(eight.codes, i, 8));
  t.same(codes.slice(0, 3), [128, 127, 126]);
  t.same(codes.slice(16, 19), [128, 145, 162]);
  t.same([five.scales?.[0], eight.scales?.[0]], [0x3800, 0xc000]);
  t.end();
});

t.test('every type takes about as many bytes as in its file', (t) => {
  for (const [type, { elements, bytes }] of Object.entries(GGUF_TYPES)) {
    if (!isBlockType(type)) continue;
    const packed = packBlocks(type, new Uint8Array(2 * bytes), 2, elements);
    // Scales of 6 bits are held in bytes: 4 more for the 144 of a Q4_K, 6 for the 110 of a Q3_K. IQ4_XS has 8 bytes that stay empty.
    t.ok(weightBytes(packed) <= 2 * 1.09 * bytes + 2, `${type}: ${weightBytes(packed)} for ${2 * bytes}`);
    t.same(packed.format, packedFormat(type));
  }
  t.end();
});
