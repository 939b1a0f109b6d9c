// bf16 weights, rounded to f16.
#include "lib/staged_words.wgsl"
fn put_raw(at: u32, raw: Raw) {
  tiles[at] = vec4u(bitcast<vec2u>(vec4<f16>(halves(raw.xy))), bitcast<vec2u>(vec4<f16>(halves(raw.zw))));
}
