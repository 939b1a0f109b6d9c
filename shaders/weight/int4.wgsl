// 4-bit codes, eight per word, low nibble first: a chunk is a word.
#include "lib/scale.wgsl"
const CODE_BITS = 4u;
// What 1 stands for in a packed value.
const PACKED_UNIT = 0.0625;
@group(1) @binding(0) var<storage, read> codes: array<vec4u>;

// The four lower codes of a word, less the zero point. Masked where they lie and scaled down, which is exact: that saves a shift each.
fn nibbles(word: u32, zero: f32) -> vec4f {
  let raised = vec4f(vec4u(word) & vec4u(0xfu, 0xf0u, 0xf00u, 0xf000u));
  return fma(raised, vec4f(1.0, 0x1p-4, 0x1p-8, 0x1p-12), vec4f(-zero));
}

fn decode(word: u32, zero: f32) -> Chunk {
  return Chunk(nibbles(word, zero), nibbles(word >> 16u, zero));
}

fn weight_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  return decode(codes[row * params.weight.blocks + block][chunk], weight_zero(row, block));
}

fn weight_block(row: u32, block: u32) -> Block {
  let words = codes[row * params.weight.blocks + block];
  let zero = weight_zero(row, block);
  return Block(decode(words.x, zero), decode(words.y, zero), decode(words.z, zero), decode(words.w, zero));
}

// 16 · (code − 8) in each byte, which is the code with its highest bit flipped in the upper half of the byte: a mask, and no subtraction.
// First the even codes of all four chunks, then the odd ones.
fn weight_packed(row: u32, block: u32) -> Packed {
  let words = codes[row * params.weight.blocks + block] ^ vec4u(0x88888888u);
  let upper = vec4u(0xf0f0f0f0u);
  return Packed((words << vec4u(4u)) & upper, words & upper);
}
