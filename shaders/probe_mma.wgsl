// Chains of matrix products in registers, f16 with sums in f32: four in each subgroup, none waiting for another. A turn of the loop is
// 4 · UNROLLED of them.
struct Params {
  turns: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
// Of a workgroup that is one subgroup, or several that do the same where subgroups turn out smaller than the adapter's largest.
override LANES: u32 = 32u;
const UNROLLED = 4u;
const CHAINS = 4u;
alias Left = subgroup_matrix_left<f16, MATRIX_K, MATRIX_M>;
alias Right = subgroup_matrix_right<f16, MATRIX_N, MATRIX_K>;
alias Sum = subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>;
var<workgroup> left: array<f16, MATRIX_M * MATRIX_K>;
var<workgroup> right: array<f16, MATRIX_N * MATRIX_K>;
var<workgroup> results: array<f32, MATRIX_M * MATRIX_N>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var i = lane; i < MATRIX_M * MATRIX_K; i += LANES) {
    left[i] = f16(i % 7u) / 8.0h;
  }
  for (var i = lane; i < MATRIX_N * MATRIX_K; i += LANES) {
    right[i] = f16(i % 5u) / 8.0h;
  }
  workgroupBarrier();
  let a = subgroupMatrixLoad<Left, row_major>(&left, 0u, MATRIX_K);
  let b = subgroupMatrixLoad<Right, col_major>(&right, 0u, MATRIX_K);
  var sums: array<Sum, CHAINS>;
  for (var turn = 0u; turn < params.turns; turn++) {
    for (var i = 0u; i < UNROLLED; i++) {
      for (var chain = 0u; chain < CHAINS; chain++) {
        sums[chain] = subgroupMatrixMultiplyAccumulate(a, b, sums[chain]);
      }
    }
  }
  // Every chain's result counts, so that no compiler leaves the loop out.
  var total = 0.0;
  for (var chain = 0u; chain < CHAINS; chain++) {
    workgroupBarrier();
    subgroupMatrixStore<row_major>(&results, 0u, sums[chain], MATRIX_N);
    workgroupBarrier();
    total += results[lane % (MATRIX_M * MATRIX_N)];
  }
  y[group.x * LANES + lane] = total;
}
