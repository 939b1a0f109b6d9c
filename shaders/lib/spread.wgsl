// Codes in planes as bytes, four in order in each word: the file that includes this defines `code_bytes`.
#include "lib/planes.wgsl"
// What 1 stands for in a packed value.
const PACKED_UNIT = 1.0;

// 4, 2 and 1 bits of four codes each, from the lowest bits of a word on.
fn spread_fours(words: vec4u) -> vec4u {
  let pairs = (words | (words << vec4u(8u))) & vec4u(0x00ff00ffu);
  return (pairs | (pairs << vec4u(4u))) & vec4u(0x0f0f0f0fu);
}

fn spread_twos(words: vec4u) -> vec4u {
  let pairs = (words | (words << vec4u(12u))) & vec4u(0x000f000fu);
  return (pairs | (pairs << vec4u(6u))) & vec4u(0x03030303u);
}

fn spread_ones(words: vec4u) -> vec4u {
  return (words * vec4u(0x00204081u)) & vec4u(0x01010101u);
}

// The 16 bits, 8 bits or 4 bits of a word that four codes in a row take.
fn halves_of(words: vec2u) -> vec4u {
  return vec4u(words.x & 0xffffu, words.x >> 16u, words.y & 0xffffu, words.y >> 16u);
}

fn bytes_of(word: u32) -> vec4u {
  return (vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(0xffu);
}

fn nibbles_of(word: u32) -> vec4u {
  return (vec4u(word) >> vec4u(0u, 4u, 8u, 12u)) & vec4u(0xfu);
}

// Codes of up to 7 bits less 2^(bits − 1), as signed bytes: no byte carries into the next.
fn centred(codes: Packed, bits: u32) -> Packed {
  let lift = vec4u(0x01010101u * (0x80u - (1u << (bits - 1u))));
  let flip = vec4u(0x80808080u);
  return Packed((codes.a + lift) ^ flip, (codes.b + lift) ^ flip);
}

fn weight_packed(row: u32, block: u32) -> Packed {
  return centred(code_bytes(row, block), CODE_BITS);
}
