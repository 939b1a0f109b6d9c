// FP4 of a sign, two bits of exponent and one of mantissa, eight per word, low nibble first: with these as the lower exponent and the upper
// mantissa of an f16, 2^-15 of twice the value.
#include "lib/group_scale.wgsl"
@group(0) @binding(10) var<storage, read> codes: array<vec4u>;

// Codes in the upper nibbles of 16 bits each, as f16.
fn as_halves(nibbles: u32) -> vec2f {
  return unpack2x16float((nibbles & 0x80008000u) | ((nibbles & 0x70007000u) >> 3u));
}

fn decode(word: u32) -> Chunk {
  let a = as_halves(word << 12u);
  let b = as_halves(word << 8u);
  let c = as_halves(word << 4u);
  let d = as_halves(word);
  return Chunk(0x1p15 * vec4f(a.x, b.x, c.x, d.x), 0x1p15 * vec4f(a.y, b.y, c.y, d.y));
}

fn weight_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  return decode(codes[row * params.weight.blocks + block][chunk]);
}

fn weight_block(row: u32, block: u32) -> Block {
  let words = codes[row * params.weight.blocks + block];
  return Block(decode(words.x), decode(words.y), decode(words.z), decode(words.w));
}
