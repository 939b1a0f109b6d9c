// Matrix product for many tokens: each lane computes a tile of 4 outputs × TOKENS tokens over the whole of K, so a weight is decoded
// once for all tokens of the tile and an activation loaded once for four outputs. A block is straight-line code: a loop over its chunks
// would cost a software adapter half its speed. A token's sum runs in the same order in any tile.
#include "lib/linear.wgsl"
#include "lib/activation_block.wgsl"
#include activations
override LANES: u32 = 32u;
// Weights are scaled as they are decoded, as in `linear_panel`, whose sums are then the same to the bit; else each block's sum is.
override SCALES_FIRST: bool = false;
// Tokens in a tile, at most MAX_TOKENS. Loops over them have a constant count: unrolled, they leave the sums in registers.
override TOKENS: u32 = 4u;

fn tile_block(row: u32, block: u32, scale: f32) -> Block {
  let weights = weight_block(row, block);
  if (SCALES_FIRST) {
    return block_scaled(weights, scale);
  }
  return weights;
}

fn tile_chunk(row: u32, block: u32, chunk: u32, scale: f32) -> Chunk {
  let weights = weight_chunk(row, block, chunk);
  if (SCALES_FIRST) {
    return chunk_scaled(weights, scale);
  }
  return weights;
}

fn add_tile_chunk(sums: vec4f, rows: vec4u, scales: vec4f, block: u32, chunk: u32, v: Chunk) -> vec4f {
  return vec4f(
    add_chunk(sums.x, tile_chunk(rows.x, block, chunk, scales.x), v), add_chunk(sums.y, tile_chunk(rows.y, block, chunk, scales.y), v),
    add_chunk(sums.z, tile_chunk(rows.z, block, chunk, scales.z), v), add_chunk(sums.w, tile_chunk(rows.w, block, chunk, scales.w), v),
  );
}

// The products of a block with one token. Weights are decoded chunk by chunk, so that few registers hold them.
fn add_tile_block(sums: vec4f, rows: vec4u, scales: vec4f, block: u32, v: Block) -> vec4f {
  let p = add_tile_chunk(select(vec4f(), sums, SCALES_FIRST), rows, scales, block, 0u, v.p);
  let q = add_tile_chunk(p, rows, scales, block, 1u, v.q);
  let r = add_tile_chunk(q, rows, scales, block, 2u, v.r);
  let s = add_tile_chunk(r, rows, scales, block, 3u, v.s);
  return select(fma(scales, s, sums), s, SCALES_FIRST);
}

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
    var norms: LaneX;
    if (NORM) {
      norms = lane_norm(lane, block);
    }
    if (TOKENS == 1u) {
      var v = lane_x(lane, tile_row(tokens, 0u), block);
      if (NORM) {
        squares[0] += lane_squares(v);
        v = lane_product(v, norms);
      }
      sums[0] = add_tile_block(sums[0], rows, scales, block, lane_block(v));
      continue;
    }
    let w0 = tile_block(rows.x, block, scales.x);
    let w1 = tile_block(rows.y, block, scales.y);
    let w2 = tile_block(rows.z, block, scales.z);
    let w3 = tile_block(rows.w, block, scales.w);
    for (var t = 0u; t < TOKENS; t++) {
      var v = lane_x(lane, tile_row(tokens, t), block);
      if (NORM) {
        squares[t] += lane_squares(v);
        v = lane_product(v, norms);
      }
      let b = lane_block(v);
      if (SCALES_FIRST) {
        let sum = sums[t];
        sums[t] = vec4f(add_block_dot(sum.x, w0, b), add_block_dot(sum.y, w1, b), add_block_dot(sum.z, w2, b), add_block_dot(sum.w, w3, b));
      } else {
        sums[t] = fma(scales, vec4f(block_dot(w0, b), block_dot(w1, b), block_dot(w2, b), block_dot(w3, b)), sums[t]);
      }
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
