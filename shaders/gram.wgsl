// sums[i][j] += Σ_t x[t][first + i] · x[t][j] for j ≥ first + i. A workgroup computes 32 × 32 sums, each of its 64 lanes 4 × 4.
struct Params {
  tokens: u32,
  first: u32,
  // Rows of the sums.
  count: u32,
  cols: u32,
  stride: u32,
  sums_stride: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<X>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

const TILE = 32u;
const LANES = 64u;
// Tokens whose values lie in shared memory at a time.
const STEP = 16u;

// [STEP][TILE]: what the rows of the tile are of, and what its columns are of.
var<workgroup> left: array<f32, STEP * TILE>;
var<workgroup> right: array<f32, STEP * TILE>;

@compute @workgroup_size(8, 8)
fn main(
  @builtin(workgroup_id) tile: vec3u,
  @builtin(local_invocation_id) lane: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let row = tile.y * TILE;
  let col = tile.x * TILE;
  // All of the tile is below the diagonal.
  if (col + TILE <= params.first + row) {
    return;
  }
  var acc: array<vec4f, 4>;
  for (var t = 0u; t < params.tokens; t += STEP) {
    for (var k = index; k < STEP * TILE; k += LANES) {
      left[k] = value(t + k / TILE, params.first + row + k % TILE);
      right[k] = value(t + k / TILE, col + k % TILE);
    }
    workgroupBarrier();
    for (var step = 0u; step < STEP; step++) {
      let l = step * TILE + 4u * lane.y;
      let r = step * TILE + 4u * lane.x;
      let across = vec4f(right[r], right[r + 1u], right[r + 2u], right[r + 3u]);
      for (var i = 0u; i < 4u; i++) {
        acc[i] += left[l + i] * across;
      }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < 4u; i++) {
    for (var j = 0u; j < 4u; j++) {
      add(row + 4u * lane.y + i, col + 4u * lane.x + j, acc[i][j]);
    }
  }
}

// 0 beyond the tokens and the columns.
fn value(t: u32, k: u32) -> f32 {
  if (t < params.tokens && k < params.cols) {
    return f32(x[t * params.stride + k]);
  }
  return 0.0;
}

fn add(row: u32, col: u32, sum: f32) {
  if (row < params.count && col < params.cols && col >= params.first + row) {
    sums[row * params.sums_stride + col] += sum;
  }
}
