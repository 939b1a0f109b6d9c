// Matrix product for few tokens: a workgroup computes 4 outputs of one token, its lanes share K block by block, so that neighbouring
// lanes read neighbouring weights.
#include "lib/linear.wgsl"
#include "lib/activation_block.wgsl"
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
  var squares = 0.0;
  for (var block = lane; block < params.weight.blocks; block += LANES) {
    var v = x_block(token, block);
    if (NORM) {
      squares += block_dot(v, v);
      v = block_product(v, norm_block(block));
    }
    sum += vec4f(
      weight_scale(rows.x, block) * block_dot(weight_block(rows.x, block), v),
      weight_scale(rows.y, block) * block_dot(weight_block(rows.y, block), v),
      weight_scale(rows.z, block) * block_dot(weight_block(rows.z, block), v),
      weight_scale(rows.w, block) * block_dot(weight_block(rows.w, block), v),
    );
  }
  var total = lane_sum(lane, sum);
  if (NORM) {
    // Lane 0 has read the sums before others write the squares over them.
    workgroupBarrier();
    total *= norm_factor(lane_sum(lane, vec4f(squares)).x);
  }
  if (lane == 0u) {
    store_tile(place, place.first, tile, total);
  }
}
