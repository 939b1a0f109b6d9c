// Each of SUBGROUPS sums a part of the tile, PART_TOKENS × PART_OUTPUTS, as MATRIX_M × MATRIX_N matrices, products of f16 with sums in f32.
// Where subgroups turn out smaller than the adapter's largest, there are more of them, which only load and store. The tiling counts what loops
// run over: MATRIX_K in a step (STEPS), matrices of a part (ROWS, COLUMNS), and what each lane fetches (X_TURNS, W_TURNS).
struct Invocation {
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
}
const PART_COLUMNS = TILE_OUTPUTS / PART_OUTPUTS;
const SUBGROUPS = TILE_TOKENS / PART_TOKENS * PART_COLUMNS;
const GATE_RUN = PART_OUTPUTS / 2u;
alias Left = subgroup_matrix_left<f16, MATRIX_K, MATRIX_M>;
alias Right = subgroup_matrix_right<f16, MATRIX_N, MATRIX_K>;
alias Sum = subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>;
alias Sums = array<array<Sum, COLUMNS>, ROWS>;

// Shared memory counts units of 16 bytes, eight f16 along K, which a lane stores at once. Rows have one unit more than there are, so that eight of
// them begin in different banks. A set is the rows of activations, then those of weights. After the last step sums take their place on the way to
// memory, a row of matrices of each subgroup at a time: [subgroup][token][output], in rows of two units more.
const UNIT = 8u;
const BLOCK_UNITS = 4u;
const STEP_UNITS = STEP_BLOCKS * BLOCK_UNITS;
const ROW_UNITS = STEP_UNITS + 1u;
const W_TILE = TILE_TOKENS * ROW_UNITS;
const SET_UNITS = W_TILE + TILE_OUTPUTS * ROW_UNITS;
const RESULT_UNITS = PART_OUTPUTS / 4u + 2u;
var<workgroup> tiles: array<vec4u, max(TILE_SETS * SET_UNITS, SUBGROUPS * MATRIX_M * RESULT_UNITS)>;

// Where a subgroup's part begins in the tile.
fn part_token(subgroup: u32) -> u32 {
  return subgroup / PART_COLUMNS * PART_TOKENS;
}

fn part_output(subgroup: u32) -> u32 {
  return subgroup % PART_COLUMNS * PART_OUTPUTS;
}

// How weights are loaded a step ahead, RAW_UNITS at a time, and decoded into `tiles`: `Raw`, `raw_weights`, `put_raw`. The order of values within
// a unit is the reader's own: `x_unit` puts activations in the same.
#include staged

const X_UNITS = TILE_TOKENS * STEP_UNITS;
const ROW_RAWS = STEP_UNITS / RAW_UNITS;
const W_RAWS = TILE_OUTPUTS * ROW_RAWS;
struct Fetched { x: array<vec4u, X_TURNS>, w: array<Raw, W_TURNS> }

// Blocks from the part's end on count as zeros.
fn fetch(lane: u32, part: Part, block: u32) -> Fetched {
  var fetched: Fetched;
  #unroll turn W_TURNS
    let i = lane + turn * LANES;
    let unit = i % ROW_RAWS * RAW_UNITS;
    let at = block + unit / BLOCK_UNITS;
    let row = weight_row(part.place, tile_output(part.output, i / ROW_RAWS));
    if (((turn + 1u) * LANES <= W_RAWS || i < W_RAWS) && at < part.end) {
      fetched.w[turn] = raw_weights(row, at, unit % BLOCK_UNITS);
    }
  #end
  #unroll turn X_TURNS
    let i = lane + turn * LANES;
    let unit = i % STEP_UNITS;
    let token = x_row(min(part.place.first + i / STEP_UNITS, part.place.end - 1u));
    if (((turn + 1u) * LANES <= X_UNITS || i < X_UNITS) && block + unit / BLOCK_UNITS < part.end) {
      fetched.x[turn] = x[token * (params.x_stride / 2u) + block * BLOCK_UNITS + unit];
    }
  #end
  return fetched;
}

fn put(lane: u32, part: Part, which: u32, fetched: Fetched) {
  let first = which * SET_UNITS;
  #unroll turn X_TURNS
    let i = lane + turn * LANES;
    if ((turn + 1u) * LANES <= X_UNITS || i < X_UNITS) {
      tiles[first + i / STEP_UNITS * ROW_UNITS + i % STEP_UNITS] = x_unit(fetched.x[turn]);
    }
  #end
  #unroll turn W_TURNS
    let i = lane + turn * LANES;
    if ((turn + 1u) * LANES <= W_RAWS || i < W_RAWS) {
      put_raw(first + W_TILE + i / ROW_RAWS * ROW_UNITS + i % ROW_RAWS * RAW_UNITS, fetched.w[turn]);
    }
  #end
}

// Weights lie as [output][k], so a matrix [k][output] of them is column-major. Offsets and strides count units.
// Lanes of a subgroup agree in `at.subgroup`, but the compiler takes members of a struct to be as uniform as the least of them.
@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn add_step(at: Invocation, which: u32, sums: ptr<function, Sums>) {
  if (at.subgroup < SUBGROUPS) {
    let x_part = which * SET_UNITS + part_token(at.subgroup) * ROW_UNITS;
    let w_part = which * SET_UNITS + W_TILE + part_output(at.subgroup) * ROW_UNITS;
    #unroll step STEPS
      const column = step * MATRIX_K / UNIT;
      var w: array<Right, COLUMNS>;
      #unroll j COLUMNS
        w[j] = subgroupMatrixLoad<Right, col_major>(&tiles, w_part + j * MATRIX_N * ROW_UNITS + column, ROW_UNITS);
      #end
      #unroll i ROWS
        let v = subgroupMatrixLoad<Left, row_major>(&tiles, x_part + i * MATRIX_M * ROW_UNITS + column, ROW_UNITS);
        #unroll j COLUMNS
          (*sums)[i][j] = subgroupMatrixMultiplyAccumulate(v, w[j], (*sums)[i][j]);
        #end
      #end
    #end
  }
}

@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn store_sums(at: Invocation, place: Place, first_output: u32, sums: ptr<function, Sums>) {
  #unroll i ROWS
    workgroupBarrier();
    if (at.subgroup < SUBGROUPS) {
      let first = at.subgroup * MATRIX_M * RESULT_UNITS;
      #unroll j COLUMNS
        subgroupMatrixStore<row_major>(&tiles, first + j * MATRIX_N / 4u, (*sums)[i][j], RESULT_UNITS);
      #end
    }
    workgroupBarrier();
    store_results(at.lane, place, i * MATRIX_M, first_output);
  #end
}

// Of a row of all parts' matrices: which part's it is.
fn result(row: u32, column: u32) -> f32 {
  return bitcast<f32>(tiles[row * RESULT_UNITS + column / 4u][column % 4u]);
}

// @param token of a part's, the first of the matrices
fn store_results(lane: u32, place: Place, token: u32, first_output: u32) {
  let outputs = select(PART_OUTPUTS, GATE_RUN, params.gates != 0u);
  for (var n = lane; n < SUBGROUPS * MATRIX_M * outputs; n += LANES) {
    let row = n / outputs;
    let column = n % outputs;
    let subgroup = row / MATRIX_M;
    let position = place.first + token + part_token(subgroup) + row % MATRIX_M;
    let output = tile_output(first_output, part_output(subgroup) + column);
    if (params.gates == 0u) {
      store_output(place, position, output, result(row, column));
    } else {
      store_gated(place, position, output, result(row, column), result(row, GATE_RUN + column));
    }
  }
}
