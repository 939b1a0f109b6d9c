// K and V in f32.
alias Kv4 = vec4f;
#include "lib/kv_plain.wgsl"
#include "lib/kv_unscaled.wgsl"

fn kv_encode(v: vec4f, scale: f32) -> Kv4 {
  return v;
}

fn kv_decode4(stored: Kv4) -> vec4f {
  return stored;
}
