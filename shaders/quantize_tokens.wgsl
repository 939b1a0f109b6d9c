// Rounds rows to INT8, with one scale for each row, greatest magnitude / 127, which stands for each of its blocks: a workgroup a row.
#include "lib/int8_rows.wgsl"
override LANES: u32 = 32u;
#include reduce

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var greatest = 0.0;
  for (var block = lane; block < params.blocks; block += LANES) {
    greatest = max(greatest, greatest_of(group.y, block));
  }
  let scale = workgroup_max(lane, greatest) / LARGEST_CODE;
  for (var block = lane; block < params.blocks; block += LANES) {
    store_block(group.y, block, scale);
  }
}
