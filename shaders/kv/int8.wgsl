// K and V as signed bytes, four per word, low byte first; a head's value is its code times its scale, an f32.
alias Kv4 = u32;
#include "lib/kv_plain.wgsl"
const KV_SCALES = 1u;
const LARGEST_CODE = 127.0;

fn kv_scale_of(greatest: f32) -> f32 {
  return greatest / LARGEST_CODE;
}

fn kv_encode(v: vec4f, scale: f32) -> Kv4 {
  // A head of zeros has the scale 0.
  let codes = select(vec4f(), round(v / scale), scale > 0.0);
  return pack4xI8(vec4i(clamp(codes, vec4f(-LARGEST_CODE), vec4f(LARGEST_CODE))));
}

fn kv_decode4(stored: Kv4) -> vec4f {
  return vec4f(unpack4xI8(stored));
}

fn kv_encode_scale(scale: f32) -> Kv4 {
  return bitcast<u32>(scale);
}

fn kv_decode_scale(stored: Kv4) -> f32 {
  return bitcast<f32>(stored);
}
