// Matrix product for many tokens: each lane computes a tile of 4 outputs × 4 tokens over the whole of K, so a weight is decoded once for
// four tokens and an activation loaded once for four outputs.
#include "lib/linear.wgsl"
override LANES: u32 = 32u;
// Tokens in a tile: 4, or 1 where there is but one.
override TOKENS: u32 = 4u;

fn dots(w: Chunk, x0: Chunk, x1: Chunk, x2: Chunk, x3: Chunk) -> vec4f {
  if (TOKENS == 1u) {
    return vec4f(chunk_dot(w, x0), 0.0, 0.0, 0.0);
  }
  return vec4f(chunk_dot(w, x0), chunk_dot(w, x1), chunk_dot(w, x2), chunk_dot(w, x3));
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
  let t1 = min(token + 1u, last);
  let t2 = min(token + 2u, last);
  let t3 = min(token + 3u, last);
  let row0 = clamp_output(output);
  let row1 = clamp_output(output + 1u);
  let row2 = clamp_output(output + 2u);
  let row3 = clamp_output(output + 3u);
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  for (var block = 0u; block < params.weight.blocks; block++) {
    var dots0 = vec4f();
    var dots1 = vec4f();
    var dots2 = vec4f();
    var dots3 = vec4f();
    // The count comes from the uniforms so that the loop stays one: unrolled, it takes a software adapter seconds to compile.
    for (var chunk = 0u; chunk < params.chunks; chunk++) {
      let x0 = x_chunk(token, block, chunk);
      let x1 = x_chunk(t1, block, chunk);
      let x2 = x_chunk(t2, block, chunk);
      let x3 = x_chunk(t3, block, chunk);
      dots0 += dots(weight_chunk(row0, block, chunk), x0, x1, x2, x3);
      dots1 += dots(weight_chunk(row1, block, chunk), x0, x1, x2, x3);
      dots2 += dots(weight_chunk(row2, block, chunk), x0, x1, x2, x3);
      dots3 += dots(weight_chunk(row3, block, chunk), x0, x1, x2, x3);
    }
    sum0 += weight_scale(row0, block) * dots0;
    sum1 += weight_scale(row1, block) * dots1;
    sum2 += weight_scale(row2, block) * dots2;
    sum3 += weight_scale(row3, block) * dots3;
  }
  for (var i = 0u; i < TOKENS; i++) {
    store_output(token + i, output, sum0[i]);
    store_output(token + i, output + 1u, sum1[i]);
    store_output(token + i, output + 2u, sum2[i]);
    store_output(token + i, output + 3u, sum3[i]);
  }
}
