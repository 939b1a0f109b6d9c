// Blocks of codes times f16 activations, two at a time, in sums of eight products that are then added up in f32. Decoded values are below 1, so
// that no sum leaves the range of f16. `#include half` says how codes are loaded and decoded, and in which order.
struct HalfBlock { p: HalfChunk, q: HalfChunk, r: HalfChunk, s: HalfChunk }
// Codes of a block, the scale and the zero point.
struct Loaded { codes: HalfCodes, scale: f32, zero: f32 }
#include half

fn add_halves(sum: vec2<f16>, w: HalfChunk, x: HalfChunk) -> vec2<f16> {
  return fma(w.d, x.d, fma(w.c, x.c, fma(w.b, x.b, fma(w.a, x.a, sum))));
}

fn half_dot(w: Loaded, x: HalfBlock) -> f32 {
  let first = add_halves(add_halves(vec2<f16>(), half_chunk(w.codes.p, w.zero), x.p), half_chunk(w.codes.q, w.zero), x.q);
  let second = add_halves(add_halves(vec2<f16>(), half_chunk(w.codes.r, w.zero), x.r), half_chunk(w.codes.s, w.zero), x.s);
  let sums = vec2f(first) + vec2f(second);
  return HALF_UNIT * w.scale * (sums.x + sums.y);
}
