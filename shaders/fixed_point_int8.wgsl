// A product in integers alone: y[t][n] = scale · step[n] · code, the code of a sum of 32 bits, biased and rescaled as `fixed-point.ts` says.
// A lane takes four neighbouring outputs of a token.
#include "lib/block.wgsl"
#include "lib/weight_shape.wgsl"
struct Params {
  tokens: u32,
  // Rows of this part of the weight, and the first of them in the whole.
  rows: u32,
  first_output: u32,
  // vec4 per row of x; elements per row of y.
  x_stride: u32,
  y_stride: u32,
  // Add to what y holds, instead of replacing it.
  accumulate: u32,
  scale: f32,
  weight: WeightShape,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X4>;
// [output] multiplier, shift, bias, and the bits of the step.
@group(0) @binding(2) var<storage, read> fixed: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> y: array<Y>;
#include "lib/store.wgsl"
#include weight
#include "lib/packed.wgsl"
#include "lib/activation_codes.wgsl"
override LANES: u32 = 32u;
const LARGEST_CODE = 127;

// a · b as its upper and its lower word.
fn wide_product(a: u32, b: u32) -> vec2u {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let first = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let second = (a & 0xffffu) * (b >> 16u) + (first & 0xffffu);
  return vec2u((a >> 16u) * (b >> 16u) + (first >> 16u) + (second >> 16u), (second << 16u) | (low & 0xffffu));
}

// round(a · multiplier / 2^31), halves up: of the magnitude, halves of a negative product go down.
fn doubled_high(a: i32, multiplier: u32) -> i32 {
  let p = wide_product(u32(abs(a)), multiplier);
  let low = p.y + select(0x40000000u, 0x3fffffffu, a < 0);
  let high = p.x + select(0u, 1u, low < p.y);
  let size = bitcast<i32>((high << 1u) | (low >> 31u));
  return select(size, -size, a < 0);
}

// round(a / 2^shift), halves away from zero.
fn divided(a: i32, shift: u32) -> i32 {
  let half = select(0u, (1u << shift) >> 1u, shift > 0u);
  let size = bitcast<i32>((u32(abs(a)) + half) >> shift);
  return select(size, -size, a < 0);
}

fn store_output(token: u32, output: u32, sum: i32) {
  if (output >= params.rows) {
    return;
  }
  let by = fixed[params.first_output + output];
  let code = divided(doubled_high(sum + bitcast<i32>(by.z), by.x), by.y);
  let value = params.scale * bitcast<f32>(by.w) * f32(clamp(code, -LARGEST_CODE, LARGEST_CODE));
  store_at(token * params.y_stride + params.first_output + output, value);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = (group.x + group.z * groups.x) * LANES + lane;
  let token = group.y;
  let rows = min(vec4u(tile * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(params.rows - 1u));
  var sums = vec4i();
  for (var block = 0u; block < params.weight.blocks; block++) {
    let v = x_operand(x_packed(token, block));
    sums += vec4i(
      operand_dot(weight_operand(weight_packed(rows.x, block)), v),
      operand_dot(weight_operand(weight_packed(rows.y, block)), v),
      operand_dot(weight_operand(weight_packed(rows.z, block)), v),
      operand_dot(weight_operand(weight_packed(rows.w, block)), v),
    );
  }
  // Readers unpack codes to multiples of a power of two.
  sums /= vec4i(i32(1.0 / PACKED_UNIT));
  store_output(token, tile * 4u, sums.x);
  store_output(token, tile * 4u + 1u, sums.y);
  store_output(token, tile * 4u + 2u, sums.z);
  store_output(token, tile * 4u + 3u, sums.w);
}
