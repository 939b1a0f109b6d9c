// Matrix product for many tokens: each lane computes a tile of 4 outputs × TOKENS tokens over the whole of K, so a weight is decoded
// once for all tokens of the tile and an activation loaded once for four outputs. A token's sum runs in the same order in any tile.
#include "lib/linear.wgsl"
#include "lib/activation_block.wgsl"
#include activations
override LANES: u32 = 32u;
// Tokens in a tile, at most MAX_TOKENS. Loops over them have a constant count: unrolled, they leave the sums in registers.
override TOKENS: u32 = 4u;
const MAX_TOKENS = 8u;

fn scaled(w: Chunk, scale: f32) -> Chunk {
  return Chunk(w.a * scale, w.b * scale);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let token = group.y * TOKENS;
  let output = ((group.x + group.z * groups.x) * LANES + lane) * 4u;
  let last = params.tokens - 1u;
  let row0 = clamp_output(output);
  let row1 = clamp_output(output + 1u);
  let row2 = clamp_output(output + 2u);
  let row3 = clamp_output(output + 3u);
  // [token][output]
  var sums: array<vec4f, MAX_TOKENS>;
  for (var block = 0u; block < params.weight.blocks; block++) {
    let scale0 = weight_scale(row0, block);
    let scale1 = weight_scale(row1, block);
    let scale2 = weight_scale(row2, block);
    let scale3 = weight_scale(row3, block);
    // The count comes from the uniforms so that the loop stays one: unrolled, it takes a software adapter seconds to compile.
    for (var chunk = 0u; chunk < params.chunks; chunk++) {
      let w0 = scaled(weight_chunk(row0, block, chunk), scale0);
      let w1 = scaled(weight_chunk(row1, block, chunk), scale1);
      let w2 = scaled(weight_chunk(row2, block, chunk), scale2);
      let w3 = scaled(weight_chunk(row3, block, chunk), scale3);
      for (var t = 0u; t < TOKENS; t++) {
        let x = lane_x_chunk(lane, min(token + t, last), block, chunk);
        sums[t] += vec4f(chunk_dot(w0, x), chunk_dot(w1, x), chunk_dot(w2, x), chunk_dot(w3, x));
      }
    }
  }
  // Sums move down to the first, so that stores are compiled once and not once per token: they took most of the time to compile.
  let end = min(token + TOKENS, params.tokens);
  for (var t = token; t < end; t++) {
    store_output(t, output, sums[0].x);
    store_output(t, output + 1u, sums[0].y);
    store_output(t, output + 2u, sums[0].z);
    store_output(t, output + 3u, sums[0].w);
    for (var i = 1u; i < TOKENS; i++) {
      sums[i - 1u] = sums[i];
    }
  }
}
