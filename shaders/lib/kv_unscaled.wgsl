// A type of the KV cache that stores no scale of a head.
const KV_SCALES = 0u;

fn kv_scale_of(greatest: f32) -> f32 {
  return 1.0;
}

fn kv_encode_scale(scale: f32) -> Kv4 {
  return Kv4();
}

fn kv_decode_scale(stored: Kv4) -> f32 {
  return 1.0;
}
