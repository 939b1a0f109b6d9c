// f16 weights, read without shader-f16.
#include "lib/pairs.wgsl"
fn halves(words: vec2u) -> vec4f {
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}
