// `linear_row` on INT8 activations: a workgroup computes 4 outputs of one token, its lanes share K block by block.
#include "lib/linear.wgsl"
#include "lib/packed.wgsl"
#include "lib/packed_rows.wgsl"
#include "lib/activation_codes.wgsl"
override LANES: u32 = 32u;
#include lanes

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let place = place_of(group.y, 1u);
  if (place.first >= place.end) {
    return;
  }
  let token = x_row(place.first);
  let tile = group.x + group.z * groups.x;
  let rows = tile_rows(place, tile);
  var sum = vec4f();
  for (var block = lane; block < params.weight.blocks; block += LANES) {
    let packed = x_packed(token, block);
    let v = x_operand(packed);
    let dots = vec4i(
      operand_dot(weight_operand(weight_packed(rows.x, block)), v),
      operand_dot(weight_operand(weight_packed(rows.y, block)), v),
      operand_dot(weight_operand(weight_packed(rows.z, block)), v),
      operand_dot(weight_operand(weight_packed(rows.w, block)), v),
    );
    sum += x_scale(token, block) * scaled_dots(row_scales(rows, block), dots, packed);
  }
  let total = lane_sum(lane, sum);
  if (lane == 0u) {
    store_tile(place, place.first, tile, total);
  }
}
