// 4-bit codes as pairs of f16, each less the zero point and divided by 16. A code becomes the end of a mantissa whose exponent gives its lowest
// bit the value 1 or, where it lies four bits up, 1/16 of that; one multiply-add makes the value, exactly.
const HALF_UNIT = 16.0;
struct HalfCodes { p: u32, q: u32, r: u32, s: u32 }

// Loaded a turn ahead.
alias RowCodes = Loaded;

fn row_codes(row: u32, block: u32) -> RowCodes {
  let words = codes[row * params.weight.blocks + block];
  return Loaded(HalfCodes(words.x, words.y, words.z, words.w), weight_scale(row, block), weight_zero(row, block));
}

fn loaded(w: RowCodes) -> Loaded {
  return w;
}

// A mask leaves the codes of two bytes that lie two apart.
fn half_order(a: vec4<f16>, b: vec4<f16>) -> HalfChunk {
  return HalfChunk(vec2(a.x, b.x), vec2(a.y, b.y), vec2(a.z, b.z), vec2(a.w, b.w));
}

fn lower_codes(word: u32, zero: f16) -> vec2<f16> {
  return fma(bitcast<vec2<f16>>((word & 0x000f000fu) | 0x64006400u), vec2(0.0625h), vec2(-64.0h - zero));
}

fn upper_codes(word: u32, zero: f16) -> vec2<f16> {
  return fma(bitcast<vec2<f16>>((word & 0x00f000f0u) | 0x64006400u), vec2(0.00390625h), vec2(-4.0h - zero));
}

fn half_chunk(word: u32, zero: f32) -> HalfChunk {
  let part = f16(zero / HALF_UNIT);
  let next = word >> 8u;
  return HalfChunk(lower_codes(word, part), upper_codes(word, part), lower_codes(next, part), upper_codes(next, part));
}
