// K and V in f16, two per word, low half first: an array of f16 without `shader-f16`.
alias Kv4 = vec2u;
#include "lib/kv_plain.wgsl"
#include "lib/kv_unscaled.wgsl"

fn kv_encode(v: vec4f, scale: f32) -> Kv4 {
  return vec2u(pack2x16float(v.xy), pack2x16float(v.zw));
}

fn kv_decode4(stored: Kv4) -> vec4f {
  return vec4f(unpack2x16float(stored.x), unpack2x16float(stored.y));
}
