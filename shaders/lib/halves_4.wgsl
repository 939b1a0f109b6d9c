// 4-bit codes as pairs of f16, each less the zero point, with CODE_UNIT for 1, a power of two. A code becomes the end of a mantissa whose exponent
// gives its lowest bit the value 1 or, where it lies four bits up, 16; one multiply-add makes the value, exactly.
#include "lib/halves.wgsl"
// A mask leaves the codes of two bytes that lie two apart.
fn half_order(a: vec4<f16>, b: vec4<f16>) -> HalfChunk {
  return HalfChunk(vec2(a.x, b.x), vec2(a.y, b.y), vec2(a.z, b.z), vec2(a.w, b.w));
}

fn lower_codes(word: u32, zero: f16) -> vec2<f16> {
  return fma(bitcast<vec2<f16>>((word & 0x000f000fu) | 0x64006400u), vec2(CODE_UNIT), vec2(-1024.0h * CODE_UNIT - zero));
}

fn upper_codes(word: u32, zero: f16) -> vec2<f16> {
  return fma(bitcast<vec2<f16>>((word & 0x00f000f0u) | 0x64006400u), vec2(CODE_UNIT / 16.0h), vec2(-64.0h * CODE_UNIT - zero));
}

fn half_chunk(word: u32, zero: f32) -> HalfChunk {
  let part = f16(zero) * CODE_UNIT;
  let next = word >> 8u;
  return HalfChunk(lower_codes(word, part), upper_codes(word, part), lower_codes(next, part), upper_codes(next, part));
}
