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
  let token = group.y;
  let output = (group.x + group.z * groups.x) * 4u;
  let row0 = clamp_output(output);
  let row1 = clamp_output(output + 1u);
  let row2 = clamp_output(output + 2u);
  let row3 = clamp_output(output + 3u);
  var sum = vec4f();
  for (var block = lane; block < params.weight.blocks; block += LANES) {
    let v = x_block(token, block);
    sum += vec4f(
      weight_scale(row0, block) * block_dot(weight_block(row0, block), v),
      weight_scale(row1, block) * block_dot(weight_block(row1, block), v),
      weight_scale(row2, block) * block_dot(weight_block(row2, block), v),
      weight_scale(row3, block) * block_dot(weight_block(row3, block), v),
    );
  }
  let total = lane_sum(lane, sum);
  if (lane == 0u) {
    store_output(token, output, total.x);
    store_output(token, output + 1u, total.y);
    store_output(token, output + 2u, total.z);
    store_output(token, output + 3u, total.w);
  }
}
