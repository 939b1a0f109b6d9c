// 4-bit codes, eight per word, low nibble first: a chunk is a word.
#include "lib/scale.wgsl"
const CODE_BITS = 4u;
// What 1 stands for in a packed value.
const PACKED_UNIT = 0.0625;
@group(0) @binding(10) var<storage, read> codes: array<vec4u>;

// The four lower codes of a word, less the zero point. Each is masked where it lies and becomes the end of a mantissa whose exponent gives
// its lowest bit the value 1; less 2^23, 2^19, 2^15 and 2^11 it is the code, exactly. That saves a shift and a conversion each.
fn nibbles(word: u32, zero: f32) -> vec4f {
  let raised = (vec4u(word) & vec4u(0xfu, 0xf0u, 0xf00u, 0xf000u)) | vec4u(0x4b000000u, 0x49000000u, 0x47000000u, 0x45000000u);
  return bitcast<vec4f>(raised) - (vec4f(0x1p23, 0x1p19, 0x1p15, 0x1p11) + zero);
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
