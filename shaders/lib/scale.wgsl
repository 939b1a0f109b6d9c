// Scales [row][group], f32 or two f16 per word over the flat index; zero points of CODE_BITS bits over the flat index.
@group(1) @binding(1) var<storage, read> scales: array<u32>;
@group(1) @binding(2) var<storage, read> zeros: array<u32>;
override SCALE_F16: bool = true;
override ZERO_POINTS: bool = false;

fn group_index(row: u32, block: u32) -> u32 {
  return row * params.weight.groups + block / params.weight.blocks_per_group;
}

fn weight_scale(row: u32, block: u32) -> f32 {
  let index = group_index(row, block);
  if (SCALE_F16) {
    return unpack2x16float(scales[index / 2u])[index % 2u];
  }
  return bitcast<f32>(scales[index]);
}

// What is added to a code less 2^(bits − 1), where zero points are stored.
fn weight_offset(row: u32, block: u32) -> f32 {
  return f32(1u << (CODE_BITS - 1u)) - weight_zero(row, block);
}

// The code that stands for 0.
fn weight_zero(row: u32, block: u32) -> f32 {
  if (!ZERO_POINTS) {
    return f32(1u << (CODE_BITS - 1u));
  }
  let bit = group_index(row, block) * CODE_BITS;
  return f32(extractBits(zeros[bit / 32u], bit % 32u, CODE_BITS));
}
