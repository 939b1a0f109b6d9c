// 8-bit codes as pairs of f16, each less the zero point and divided by 128. A code becomes the end of a mantissa whose exponent gives its lowest
// bit the value 1; one multiply-add makes the value, exactly.
#include "lib/row_late.wgsl"
const HALF_UNIT = 128.0;
struct HalfCodes { p: vec2u, q: vec2u, r: vec2u, s: vec2u }

fn loaded(w: RowCodes) -> Loaded {
  let at = (w.row * params.weight.blocks + w.block) * CHUNKS_PER_BLOCK;
  let words = HalfCodes(codes[at], codes[at + 1u], codes[at + 2u], codes[at + 3u]);
  return Loaded(words, weight_scale(w.row, w.block), weight_zero(w.row, w.block));
}

// A mask leaves every other byte of a word.
fn half_order(a: vec4<f16>, b: vec4<f16>) -> HalfChunk {
  return HalfChunk(a.xz, a.yw, b.xz, b.yw);
}

fn even_codes(word: u32, zero: f16) -> vec2<f16> {
  return fma(bitcast<vec2<f16>>((word & 0x00ff00ffu) | 0x64006400u), vec2(0.0078125h), vec2(-8.0h - zero));
}

fn half_chunk(words: vec2u, zero: f32) -> HalfChunk {
  let part = f16(zero / HALF_UNIT);
  return HalfChunk(even_codes(words.x, part), even_codes(words.x >> 8u, part), even_codes(words.y, part), even_codes(words.y >> 8u, part));
}
