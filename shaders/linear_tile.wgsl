// Matrix product for many tokens: each lane computes a tile of 4 outputs × TOKENS tokens over the whole of K, so a weight is decoded
// once for all tokens of the tile and an activation loaded once for four outputs. A block is straight-line code: a loop over its chunks
// would cost a software adapter half its speed. A token's sum runs in the same order in any tile.
#include "lib/linear.wgsl"
#include "lib/activation_block.wgsl"
#include activations
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
  var squares: array<f32, MAX_TOKENS>;
  for (var block = 0u; block < params.weight.blocks; block++) {
    let scales = vec4f(
      weight_scale(rows.x, block), weight_scale(rows.y, block), weight_scale(rows.z, block), weight_scale(rows.w, block),
    );
    let w0 = weight_block(rows.x, block);
    let w1 = weight_block(rows.y, block);
    let w2 = weight_block(rows.z, block);
    let w3 = weight_block(rows.w, block);
    var norms: LaneX;
    if (NORM) {
      norms = lane_norm(lane, block);
    }
    for (var t = 0u; t < TOKENS; t++) {
      var v = lane_x(lane, tile_row(tokens, t), block);
      if (NORM) {
        squares[t] += lane_squares(v);
        v = lane_product(v, norms);
      }
      let b = lane_block(v);
      sums[t] = fma(scales, vec4f(block_dot(w0, b), block_dot(w1, b), block_dot(w2, b), block_dot(w3, b)), sums[t]);
    }
  }
  // Sums move down to the first, so that stores are compiled once and not once per token: they took most of the time to compile.
  for (var position = place.first; position < place.end; position++) {
    if (NORM) {
      sums[0] *= norm_factor(row_squares(squares[0]));
    }
    store_tile(place, position, tile, sums[0]);
    for (var i = 1u; i < TOKENS; i++) {
      sums[i - 1u] = sums[i];
      squares[i - 1u] = squares[i];
    }
  }
}
