// How `linear_row` multiplies a block of activations with one of the weight: two f16 at a time, in sums of eight products that are then added up
// in f32. Decoded values are below 1, so that no sum leaves the range of f16. `#include half` says how they are loaded and decoded, and in which
// order. Norms are operations of their own here.
struct HalfChunk { a: vec2<f16>, b: vec2<f16>, c: vec2<f16>, d: vec2<f16> }
struct RowX { p: HalfChunk, q: HalfChunk, r: HalfChunk, s: HalfChunk }
// Codes of a block, the scale and the zero point.
struct Loaded { codes: HalfCodes, scale: f32, zero: f32 }
#include half

fn half_x(token: u32, block: u32, chunk: u32) -> HalfChunk {
  let v = x_eight(token * params.x_stride + (block * CHUNKS_PER_BLOCK + chunk) * 2u);
  return half_order(v[0], v[1]);
}

fn row_x(token: u32, block: u32) -> RowX {
  return RowX(half_x(token, block, 0u), half_x(token, block, 1u), half_x(token, block, 2u), half_x(token, block, 3u));
}

fn row_squares(v: RowX) -> f32 {
  return 0.0;
}

fn row_normed(v: RowX, block: u32) -> RowX {
  return v;
}

fn add_halves(sum: vec2<f16>, w: HalfChunk, x: HalfChunk) -> vec2<f16> {
  return fma(w.d, x.d, fma(w.c, x.c, fma(w.b, x.b, fma(w.a, x.a, sum))));
}

fn row_dot(w: RowCodes, v: RowX) -> f32 {
  let l = loaded(w);
  let first = add_halves(add_halves(vec2<f16>(), half_chunk(l.codes.p, l.zero), v.p), half_chunk(l.codes.q, l.zero), v.q);
  let second = add_halves(add_halves(vec2<f16>(), half_chunk(l.codes.r, l.zero), v.r), half_chunk(l.codes.s, l.zero), v.s);
  let sums = vec2f(first) + vec2f(second);
  return HALF_UNIT * l.scale * (sums.x + sums.y);
}
