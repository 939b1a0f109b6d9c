// A scale and what is added for each 32 codes, two f16 in a word. They are applied to each code, which gives the weights bit by bit.
#include "lib/affine.wgsl"
@group(0) @binding(11) var<storage, read> scales: array<u32>;

fn weight_affines(row: u32, block: u32) -> vec4f {
  return unpack2x16float(scales[row * params.weight.groups + block]).xyxy;
}

fn weight_scale(row: u32, block: u32) -> f32 {
  return 1.0;
}
