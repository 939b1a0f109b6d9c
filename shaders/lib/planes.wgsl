// Codes in planes: each holds some bits of all 32 codes of a block, low bits first, in as many words. Parts of codes are masked where they lie
// and scaled down, which is exact and saves a shift each.
fn four_bits(word: u32) -> vec4f {
  return vec4f(vec4u(word) & vec4u(0xfu, 0xf0u, 0xf00u, 0xf000u)) * vec4f(1.0, 0x1p-4, 0x1p-8, 0x1p-12);
}

fn two_bits(word: u32) -> vec4f {
  return vec4f(vec4u(word) & vec4u(3u, 0xcu, 0x30u, 0xc0u)) * vec4f(1.0, 0x1p-2, 0x1p-4, 0x1p-6);
}

fn one_bit(word: u32) -> vec4f {
  return vec4f(vec4u(word) & vec4u(1u, 2u, 4u, 8u)) * vec4f(1.0, 0x1p-1, 0x1p-2, 0x1p-3);
}

// Eight codes from the lowest bits of a word on.
fn fours(word: u32) -> Chunk {
  return Chunk(four_bits(word), four_bits(word >> 16u));
}

fn twos(word: u32) -> Chunk {
  return Chunk(two_bits(word), two_bits(word >> 8u));
}

fn ones(word: u32) -> Chunk {
  return Chunk(one_bit(word), one_bit(word >> 4u));
}

// low + unit · high.
fn stacked(low: Chunk, high: Chunk, unit: f32) -> Chunk {
  return Chunk(fma(high.a, vec4f(unit), low.a), fma(high.b, vec4f(unit), low.b));
}
