// Integer codes, loaded a step ahead and decoded and scaled in f16. Codes are exact there, and so are scales that are stored in f16: then their
// product is rounded once, as it is where both are f32.
struct Raw { codes: vec4u, scale: f32, zero: f32 }
// A code is a value of its own.
const CODE_UNIT = 1.0h;

fn x_unit(words: vec4u) -> vec4u {
  return unit_of(half_order(bitcast<vec4<f16>>(words.xy), bitcast<vec4<f16>>(words.zw)));
}

fn unit_of(v: HalfChunk) -> vec4u {
  return vec4u(bitcast<u32>(v.a), bitcast<u32>(v.b), bitcast<u32>(v.c), bitcast<u32>(v.d));
}

fn scaled_pair(w: vec2<f16>, scale: f32) -> vec2<f16> {
  if (SCALE_BITS == 16u) {
    return w * f16(scale);
  }
  return vec2<f16>(vec2f(w) * scale);
}

fn scaled_unit(w: HalfChunk, scale: f32) -> vec4u {
  return unit_of(HalfChunk(scaled_pair(w.a, scale), scaled_pair(w.b, scale), scaled_pair(w.c, scale), scaled_pair(w.d, scale)));
}
