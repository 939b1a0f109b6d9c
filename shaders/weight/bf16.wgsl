// bf16 weights: a bf16 is the upper half of an f32, so a shift is exact.
#include "lib/pairs.wgsl"
fn halves(words: vec2u) -> vec4f {
  return bitcast<vec4f>(vec4u(words.x << 16u, words.x & 0xffff0000u, words.y << 16u, words.y & 0xffff0000u));
}
