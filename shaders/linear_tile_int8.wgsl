// `linear_tile` on INT8 activations: each lane computes a tile of 4 outputs × TOKENS tokens over the whole of K, so a weight is unpacked
// once for all tokens of the tile and an activation loaded once for four outputs. A token's sum runs in the same order in any tile.
#include "lib/linear.wgsl"
#include "lib/packed.wgsl"
#include "lib/packed_rows.wgsl"
#include "lib/activation_codes.wgsl"
#include codes
override LANES: u32 = 32u;
// Tokens in a tile, at most MAX_TOKENS. Loops over them have a constant count: unrolled, they leave the sums in registers.
override TOKENS: u32 = 4u;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let place = place_of(group.y, TOKENS);
  if (place.first >= place.end) {
    return;
  }
  let tokens = tile_rows_of(place);
  let tile = (group.x + group.z * groups.x) * LANES + lane;
  let rows = tile_rows(place, tile);
  // [token][output]
  var sums: array<vec4f, MAX_TOKENS>;
  for (var block = 0u; block < params.weight.blocks; block++) {
    let scales = row_scales(rows, block);
    let w0 = weight_operand(weight_packed(rows.x, block));
    let w1 = weight_operand(weight_packed(rows.y, block));
    let w2 = weight_operand(weight_packed(rows.z, block));
    let w3 = weight_operand(weight_packed(rows.w, block));
    for (var t = 0u; t < TOKENS; t++) {
      let row = tile_row(tokens, t);
      let packed = lane_x_packed(lane, row, block);
      let v = x_operand(packed);
      let dots = vec4i(operand_dot(w0, v), operand_dot(w1, v), operand_dot(w2, v), operand_dot(w3, v));
      sums[t] += x_scale(row, block) * scaled_dots(scales, dots, packed);
    }
  }
  // Sums move down to the first, so that stores are compiled once and not once per token: they took most of the time to compile.
  for (var position = place.first; position < place.end; position++) {
    store_tile(place, position, tile, sums[0]);
    for (var i = 1u; i < TOKENS; i++) {
      sums[i - 1u] = sums[i];
    }
  }
}
