import t from 'tap';
import { dequantizeBlocks } from '#halflight/checkpoint/gguf/repack.js';
import { type BlockType, GGUF_TYPES } from '#halflight/checkpoint/gguf/types.js';

/** f16 1 and ½, little-endian. */
const [ONE, HALF] = [
  [0x00, 0x3c],
  [0x00, 0x38],
];

/** A block of zeros with bytes at some places. */
function block(type: BlockType, bytes: Readonly<Record<number, readonly number[]>>): Float32Array {
  const data = new Uint8Array(GGUF_TYPES[type].bytes);
  for (const [at, values] of Object.entries(bytes)) data.set(values, Number(at));
  return dequantizeBlocks(type, data);
}

/** Golden blocks by hand, from the format's description: the weights at some places. checkpoint.test.ts compares whole random blocks. */
const GOLDEN: readonly {
  type: BlockType;
  bytes: Record<number, number[]>;
  weights: Record<number, number>;
}[] = [
  { type: 'Q4_0', bytes: { 0: HALF, 2: [0x9f] }, weights: { 0: 3.5, 16: 0.5, 1: -4 } },
  { type: 'Q4_1', bytes: { 0: HALF, 2: ONE, 4: [0x21] }, weights: { 0: 1.5, 16: 2, 1: 1 } },
  { type: 'Q5_0', bytes: { 0: ONE, 2: [1, 0, 2], 6: [0x05] }, weights: { 0: 5, 16: -16, 17: 0, 1: -16 } },
  {
    type: 'Q5_1',
    bytes: { 0: ONE, 2: HALF, 4: [1, 0, 2], 8: [0x05] },
    weights: { 0: 21.5, 17: 16.5, 1: 0.5 },
  },
  { type: 'Q8_0', bytes: { 0: HALF, 2: [0x80, 0x7f] }, weights: { 0: -64, 1: 63.5, 31: 0 } },
  // Sub-block 9 is weights 144–159: the second 32 bytes of codes, their lowest two bits, bytes 16–31.
  { type: 'Q2_K', bytes: { 9: [0x43], 64: [0x03], 80: ONE, 82: HALF }, weights: { 144: 7, 145: -2, 0: 0 } },
  // Scale 5 is 1 + 2·16 = 33, one above its zero. Weight 80: bits 4–5 of byte 48, and bit 2 of byte 16.
  {
    type: 'Q3_K',
    bytes: { 16: [0x04], 48: [0x20], 101: [0x01], 105: [0x08], 108: ONE },
    weights: { 80: 2, 81: -4 },
  },
  // Sub-block 4 has scale 1 + 1·16 and minimum 2; its codes are the low nibbles from byte 80 on.
  {
    type: 'Q4_K',
    bytes: { 0: ONE, 2: HALF, 4: [0x40], 12: [0x21], 80: [0x03] },
    weights: { 128: 50, 129: -1 },
  },
  {
    type: 'Q5_K',
    bytes: { 0: ONE, 2: HALF, 4: [0x40], 12: [0x21], 16: [0x10], 112: [0x03] },
    weights: { 128: 322, 129: -1 },
  },
  // Weight 96: the high nibble of byte 32 and bits 6–7 of byte 128; its scale is number 6.
  {
    type: 'Q6_K',
    bytes: { 32: [0x50], 128: [0xc0], 198: [0xff], 208: ONE },
    weights: { 96: -21, 97: 32, 0: 0 },
  },
  { type: 'IQ4_NL', bytes: { 0: ONE, 2: [0xf0] }, weights: { 0: -127, 16: 113 } },
  // Sub-block 1 has scale 2 + 2·16 − 32.
  { type: 'IQ4_XS', bytes: { 0: ONE, 2: [0x08], 4: [0x20], 24: [0x8f] }, weights: { 32: 226, 48: 2 } },
  { type: 'MXFP4', bytes: { 0: [128], 1: [0xf7] }, weights: { 0: 12, 16: -12, 1: 0 } },
];

for (const { type, bytes, weights } of GOLDEN) {
  t.test(`${type} is decoded as its description says`, (t) => {
    const values = block(type, bytes);
    t.equal(values.length, GGUF_TYPES[type].elements);
    for (const [i, weight] of Object.entries(weights)) t.equal(values[Number(i)], weight, `weight ${i}`);
    t.end();
  });
}

t.test('blocks follow one another', (t) => {
  const data = new Uint8Array(2 * GGUF_TYPES.Q8_0.bytes);
  data.set([...ONE, 5], 34);
  const values = dequantizeBlocks('Q8_0', data);
  t.same([values.length, values[31], values[32]], [64, 0, 5]);
  t.end();
});

t.test('the smallest and largest exponents of MXFP4 are those of f32', (t) => {
  t.equal(block('MXFP4', { 0: [0], 1: [0x01] })[0], 2 ** -128);
  t.equal(block('MXFP4', { 0: [255], 1: [0x01] })[0], 2 ** 127);
  t.end();
});
