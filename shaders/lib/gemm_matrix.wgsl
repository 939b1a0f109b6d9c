// Each of four subgroups sums a quarter of the tile as MATRIX_M × MATRIX_N matrices, products of f16 with sums in f32. Where subgroups turn
// out smaller than the adapter's largest, there are more of them, and those beyond the fourth only load and store.
struct Invocation {
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
}
override LANES: u32 = 128u;
const SUBGROUPS = 4u;
const SUBGROUP_TOKENS = TILE_TOKENS / 2u;
const SUBGROUP_OUTPUTS = TILE_OUTPUTS / 2u;
const ROWS = SUBGROUP_TOKENS / MATRIX_M;
const COLUMNS = SUBGROUP_OUTPUTS / MATRIX_N;
alias Left = subgroup_matrix_left<f16, MATRIX_K, MATRIX_M>;
alias Right = subgroup_matrix_right<f16, MATRIX_N, MATRIX_K>;
alias Sum = subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>;
alias Sums = array<array<Sum, COLUMNS>, ROWS>;

// vec4 of a row in shared memory: two more than there are, so that the rows of a matrix begin in different banks.
const ROW_VECTORS = BLOCK_VECTORS + 2u;
fn tile_index(row: u32, column: u32) -> u32 {
  return row * ROW_VECTORS + column;
}

// Where a subgroup's quarter begins in the tile.
fn quarter_token(subgroup: u32) -> u32 {
  return subgroup / 2u * SUBGROUP_TOKENS;
}

fn quarter_output(subgroup: u32) -> u32 {
  return subgroup % 2u * SUBGROUP_OUTPUTS;
}

// Weights lie as [output][k], so a matrix [k][output] of them is column-major. Offsets and strides count vec4.
// Lanes of a subgroup agree in `at.subgroup`, but the compiler takes members of a struct to be as uniform as the least of them.
@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn add_block(at: Invocation, sums: ptr<function, Sums>) {
  if (at.subgroup < SUBGROUPS) {
    let token = quarter_token(at.subgroup);
    let output = quarter_output(at.subgroup);
    for (var column = 0u; column < BLOCK_VECTORS; column += MATRIX_K / 4u) {
      var w: array<Right, COLUMNS>;
      for (var j = 0u; j < COLUMNS; j++) {
        w[j] = subgroupMatrixLoad<Right, col_major>(&w_tile, tile_index(output + j * MATRIX_N, column), ROW_VECTORS);
      }
      for (var i = 0u; i < ROWS; i++) {
        let v = subgroupMatrixLoad<Left, row_major>(&x_tile, tile_index(token + i * MATRIX_M, column), ROW_VECTORS);
        for (var j = 0u; j < COLUMNS; j++) {
          (*sums)[i][j] = subgroupMatrixMultiplyAccumulate(v, w[j], (*sums)[i][j]);
        }
      }
    }
  }
}

// One matrix of each subgroup at a time, row-major, on its way to memory.
const MATRIX_SIZE = MATRIX_M * MATRIX_N;
var<workgroup> results: array<f32, SUBGROUPS * MATRIX_SIZE>;

@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn store_sums(at: Invocation, place: Place, first_output: u32, sums: ptr<function, Sums>) {
  for (var i = 0u; i < ROWS; i++) {
    for (var j = 0u; j < COLUMNS; j++) {
      workgroupBarrier();
      if (at.subgroup < SUBGROUPS) {
        subgroupMatrixStore<row_major>(&results, at.subgroup * MATRIX_SIZE, (*sums)[i][j], MATRIX_N);
      }
      workgroupBarrier();
      store_results(at.lane, place, i * MATRIX_M, first_output + j * MATRIX_N);
    }
  }
}

// @param token of the tile's, the first of the matrix
fn store_results(lane: u32, place: Place, token: u32, output: u32) {
  for (var n = lane; n < SUBGROUPS * MATRIX_SIZE; n += LANES) {
    let subgroup = n / MATRIX_SIZE;
    let row = n % MATRIX_SIZE / MATRIX_N;
    let position = place.first + token + quarter_token(subgroup) + row;
    store_output(place, position, output + quarter_output(subgroup) + n % MATRIX_N, results[n]);
  }
}
