// 8-bit codes as pairs of f16, each less the zero point, with CODE_UNIT for 1, a power of two. A code becomes the end of a mantissa whose exponent
// gives its lowest bit the value 1; one multiply-add makes the value, exactly.
#include "lib/halves.wgsl"
// A mask leaves every other byte of a word.
fn half_order(a: vec4<f16>, b: vec4<f16>) -> HalfChunk {
  return HalfChunk(a.xz, a.yw, b.xz, b.yw);
}

fn even_codes(word: u32, zero: f16) -> vec2<f16> {
  return fma(bitcast<vec2<f16>>((word & 0x00ff00ffu) | 0x64006400u), vec2(CODE_UNIT), vec2(-1024.0h * CODE_UNIT - zero));
}

fn half_chunk(words: vec2u, zero: f32) -> HalfChunk {
  let part = f16(zero) * CODE_UNIT;
  return HalfChunk(even_codes(words.x, part), even_codes(words.x >> 8u, part), even_codes(words.y, part), even_codes(words.y >> 8u, part));
}
