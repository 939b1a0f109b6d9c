// Matrix product for many tokens where lanes load one by one: each lane computes a panel of 8 outputs × TOKENS tokens over the whole of K.
// K is walked in chunks of 8, so that a panel twice as large as a tile of `linear_tile` in both directions is no more code. The lanes of a
// subgroup load activations together and hand them round. A token's sum runs in the same order as in `linear_tile`.
#include "lib/linear.wgsl"
#include "lib/from_lane.wgsl"
override LANES: u32 = 8u;
// Tokens in a panel, at most PANEL_TOKENS. Loops over them have a constant count: unrolled, they leave the sums in registers.
override TOKENS: u32 = 16u;
const PANEL_TOKENS = 16u;
// Two lanes load a token's chunk, a vec4 each: so many tokens are loaded at once, in LOADS loads of which no more than MAX_LOADS.
override LOADED: u32 = LANES / 2u;
override LOADS: u32 = (TOKENS + LOADED - 1u) / LOADED;
const MAX_LOADS = 4u;
struct Weights { x: Chunk, y: Chunk, z: Chunk, w: Chunk }

fn weights_of(rows: vec4u, scales: vec4f, block: u32, chunk: u32) -> Weights {
  return Weights(
    chunk_scaled(weight_chunk(rows.x, block, chunk), scales.x), chunk_scaled(weight_chunk(rows.y, block, chunk), scales.y),
    chunk_scaled(weight_chunk(rows.z, block, chunk), scales.z), chunk_scaled(weight_chunk(rows.w, block, chunk), scales.w),
  );
}

fn scales_of(rows: vec4u, block: u32) -> vec4f {
  return vec4f(
    weight_scale(rows.x, block), weight_scale(rows.y, block), weight_scale(rows.z, block), weight_scale(rows.w, block),
  );
}

fn add_chunks(sums: vec4f, w: Weights, v: Chunk) -> vec4f {
  return vec4f(add_chunk(sums.x, w.x, v), add_chunk(sums.y, w.y, v), add_chunk(sums.z, w.z, v), add_chunk(sums.w, w.w, v));
}

// The sum of squares of a row whose columns 4j … 4j + 3 of all blocks add up to s_j: (s_0 + s_4) + (s_1 + s_5) + ((s_2 + s_6) + (s_3 + s_7)).
// A lane has those of every second j, by chunk, and its neighbour the others.
fn row_squares(of_lane: vec4f) -> f32 {
  let own = of_lane.xy + of_lane.zw;
  let both = own + vec2f(subgroupShuffleXor(own.x, 1u), subgroupShuffleXor(own.y, 1u));
  return both.x + both.y;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let place = place_of(group.y, TOKENS);
  let tokens = tile_rows_of(place);
  let tile = ((group.x + group.z * groups.x) * LANES + lane) * 2u;
  let rows_a = tile_rows(place, tile);
  let rows_b = tile_rows(place, tile + 1u);
  // Always CHUNKS_PER_BLOCK: a loop that takes its count from here stays one.
  let chunks = min(CHUNKS_PER_BLOCK, params.x_stride);
  // [token], of the first four outputs and of the others.
  var sums_a: array<vec4f, PANEL_TOKENS>;
  var sums_b: array<vec4f, PANEL_TOKENS>;
  // [load], by chunk of the block.
  var squares: array<vec4f, MAX_LOADS>;
  for (var block = 0u; block < params.weight.blocks; block++) {
    let scales_a = scales_of(rows_a, block);
    let scales_b = scales_of(rows_b, block);
    for (var chunk = 0u; chunk < chunks; chunk++) {
      let a = weights_of(rows_a, scales_a, block, chunk);
      let b = weights_of(rows_b, scales_b, block, chunk);
      let column = block * 8u + chunk * 2u + lane % 2u;
      // [load]
      var v: array<vec4f, MAX_LOADS>;
      for (var i = 0u; i < LOADS; i++) {
        v[i] = vec4f(x_vector(tile_row(tokens, i * LOADED + lane / 2u) * params.x_stride + column));
        if (NORM) {
          squares[i] += select(vec4f(), vec4f(add_products(0.0, v[i], v[i])), vec4u(chunk) == vec4u(0u, 1u, 2u, 3u));
          v[i] *= norm[column];
        }
      }
      for (var t = 0u; t < TOKENS; t++) {
        let first = t % LOADED * 2u;
        let values = Chunk(from_lane(v[t / LOADED], first), from_lane(v[t / LOADED], first + 1u));
        sums_a[t] = add_chunks(sums_a[t], a, values);
        sums_b[t] = add_chunks(sums_b[t], b, values);
      }
    }
  }
  if (NORM) {
    var factors: array<f32, MAX_LOADS>;
    for (var i = 0u; i < LOADS; i++) {
      factors[i] = norm_factor(row_squares(squares[i]));
    }
    for (var t = 0u; t < TOKENS; t++) {
      let of_token = from_lane(vec4f(factors[t / LOADED]), t % LOADED * 2u);
      sums_a[t] *= of_token;
      sums_b[t] *= of_token;
    }
  }
  // Sums move down to the first, so that stores are compiled once and not once per token.
  for (var position = place.first; position < place.end; position++) {
    store_tile(place, position, tile, sums_a[0]);
    store_tile(place, position, tile + 1u, sums_b[0]);
    for (var i = 1u; i < TOKENS; i++) {
      sums_a[i - 1u] = sums_a[i];
      sums_b[i - 1u] = sums_b[i];
    }
  }
}
