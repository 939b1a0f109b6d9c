// Scales [row][group] over the flat index: f32, two f16 per word, or four bytes e per word that stand for 2^(e − 128); or five words for each
// 256 codes, an f16 scale and, from the second word on, a signed factor of it for each block.
@group(0) @binding(11) var<storage, read> scales: array<u32>;
override SCALE_BITS: u32 = 16u;
// Blocks that share a scale, known when the shader is compiled, as dividing by a number from memory takes a GPU some twenty instructions;
// 0: all of a row.
override GROUP_BLOCKS: u32 = 1u;

fn group_index(row: u32, block: u32) -> u32 {
  if (GROUP_BLOCKS == 0u) {
    return row;
  }
  return row * params.weight.groups + block / max(GROUP_BLOCKS, 1u);
}

// As an f32 has no bits for the exponents −127 and −128, these lie in its mantissa.
fn power_of_two(exponent: u32) -> f32 {
  return bitcast<f32>(select((exponent - 1u) << 23u, 0x00200000u << exponent, exponent < 2u));
}

fn weight_scale(row: u32, block: u32) -> f32 {
  let index = group_index(row, block);
  if (SCALE_BITS == 16u) {
    return unpack2x16float(scales[index / 2u])[index % 2u];
  }
  if (SCALE_BITS == 8u) {
    return power_of_two(extractBits(scales[index / 4u], 8u * (index % 4u), 8u));
  }
  if (SCALE_BITS == 32u) {
    return bitcast<f32>(scales[index]);
  }
  let at = 5u * index;
  let factors = bitcast<i32>(scales[at + 1u + block / 4u % 2u]);
  return unpack2x16float(scales[at]).x * f32(extractBits(factors, 8u * (block % 4u), 8u));
}
