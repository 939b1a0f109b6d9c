// Rounds rows to INT8, with one scale for each block of 32 along K, greatest magnitude / 127, or where STATIC the same for all.
#include "lib/int8_rows.wgsl"
override LANES: u32 = 32u;
override STATIC: bool = false;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let block = id.x;
  if (block >= params.blocks) {
    return;
  }
  if (STATIC) {
    store_block(id.y, block, params.scale);
  } else {
    store_block(id.y, block, greatest_of(id.y, block) / LARGEST_CODE);
  }
}
