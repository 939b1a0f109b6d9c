// K and V in f32.
alias Kv4 = vec4f;
#include "lib/kv_plain.wgsl"
const KV_SCALES = 0u;

fn kv_scale_of(greatest: f32) -> f32 {
  return 1.0;
}

fn kv_encode(v: vec4f, scale: f32) -> Kv4 {
  return v;
}

fn kv_decode4(stored: Kv4) -> vec4f {
  return stored;
}

fn kv_encode_scale(scale: f32) -> Kv4 {
  return Kv4();
}

fn kv_decode_scale(stored: Kv4) -> f32 {
  return 1.0;
}
