// Each of SUBGROUPS sums a part of the tile as MATRIX_M × MATRIX_N matrices, products of f16 with sums in f32: two rows of subgroups share the
// tokens of a large tile, and each row's share its outputs. Where subgroups turn out smaller than the adapter's largest, there are more of them,
// which only load and store. The tiling counts what loops run over: MATRIX_K in a step (STEPS), matrices of a subgroup (ROWS, COLUMNS), and what
// each lane fetches (X_TURNS, W_TURNS).
struct Invocation {
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
}
const STEP_BLOCKS = 2u;
const SUBGROUPS = TILE_OUTPUTS / 16u;
const SUBGROUP_ROWS = select(1u, 2u, TILE_TOKENS > 32u);
const SUBGROUP_COLUMNS = SUBGROUPS / SUBGROUP_ROWS;
const SUBGROUP_TOKENS = TILE_TOKENS / SUBGROUP_ROWS;
const SUBGROUP_OUTPUTS = TILE_OUTPUTS / SUBGROUP_COLUMNS;
alias Left = subgroup_matrix_left<f16, MATRIX_K, MATRIX_M>;
alias Right = subgroup_matrix_right<f16, MATRIX_N, MATRIX_K>;
alias Sum = subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>;
alias Sums = array<array<Sum, COLUMNS>, ROWS>;

// Rows in shared memory, in pairs of values: four more than there are, so that the rows of a matrix begin in different banks.
const STEP_COLUMNS = STEP_BLOCKS * 16u;
const ROW_PAIRS = STEP_COLUMNS + 4u;
var<workgroup> x_tile: array<vec2<X>, TILE_TOKENS * ROW_PAIRS>;
var<workgroup> w_tile: array<vec2<X>, TILE_OUTPUTS * ROW_PAIRS>;

fn tile_index(row: u32, column: u32) -> u32 {
  return row * ROW_PAIRS + column;
}

// Where a subgroup's part begins in the tile.
fn part_token(subgroup: u32) -> u32 {
  return subgroup / SUBGROUP_COLUMNS * SUBGROUP_TOKENS;
}

fn part_output(subgroup: u32) -> u32 {
  return subgroup % SUBGROUP_COLUMNS * SUBGROUP_OUTPUTS;
}

// Pairs of vec4 of a row in a step and of the tile, and its blocks of weights.
const STEP_PAIRS = STEP_BLOCKS * BLOCK_VECTORS / 2u;
const X_PAIRS = TILE_TOKENS * STEP_PAIRS;
const W_BLOCKS = TILE_OUTPUTS * STEP_BLOCKS;
struct Fetched { x: array<array<X4, 2>, X_TURNS>, w: array<Block, W_TURNS> }

// Blocks from the part's end on count as zeros. A lane decodes whole blocks: the codes of one are a load or a few, its scale one.
fn fetch(lane: u32, part: Part, block: u32) -> Fetched {
  var fetched: Fetched;
  #unroll turn X_TURNS
    let i = lane + turn * LANES;
    let column = i % STEP_PAIRS * 2u;
    let token = x_row(min(part.place.first + i / STEP_PAIRS, part.place.end - 1u));
    if (i < X_PAIRS && block + column / BLOCK_VECTORS < part.end) {
      fetched.x[turn] = x_eight(token * params.x_stride + block * BLOCK_VECTORS + column);
    }
  #end
  #unroll turn W_TURNS
    let i = lane + turn * LANES;
    let at = block + i % STEP_BLOCKS;
    let row = weight_row(part.place, part.output + i / STEP_BLOCKS);
    if (i < W_BLOCKS && at < part.end) {
      fetched.w[turn] = block_scaled(weight_block(row, at), weight_scale(row, at));
    }
  #end
  return fetched;
}

fn put(lane: u32, part: Part, fetched: Fetched) {
  #unroll turn X_TURNS
    let i = lane + turn * LANES;
    if (i < X_PAIRS) {
      put_pair(tile_index(i / STEP_PAIRS, i % STEP_PAIRS * 4u), fetched.x[turn]);
    }
  #end
  #unroll turn W_TURNS
    let i = lane + turn * LANES;
    if (i < W_BLOCKS) {
      put_block(tile_index(i / STEP_BLOCKS, i % STEP_BLOCKS * 16u), fetched.w[turn]);
    }
  #end
}

fn put_pair(at: u32, pair: array<X4, 2>) {
  x_tile[at] = pair[0].xy;
  x_tile[at + 1u] = pair[0].zw;
  x_tile[at + 2u] = pair[1].xy;
  x_tile[at + 3u] = pair[1].zw;
}

fn put_block(at: u32, w: Block) {
  put_chunk(at, w.p);
  put_chunk(at + 4u, w.q);
  put_chunk(at + 8u, w.r);
  put_chunk(at + 12u, w.s);
}

fn put_chunk(at: u32, w: Chunk) {
  w_tile[at] = vec2<X>(w.a.xy);
  w_tile[at + 1u] = vec2<X>(w.a.zw);
  w_tile[at + 2u] = vec2<X>(w.b.xy);
  w_tile[at + 3u] = vec2<X>(w.b.zw);
}

// Weights lie as [output][k], so a matrix [k][output] of them is column-major. Offsets and strides count pairs.
// Lanes of a subgroup agree in `at.subgroup`, but the compiler takes members of a struct to be as uniform as the least of them.
@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn add_step(at: Invocation, sums: ptr<function, Sums>) {
  if (at.subgroup < SUBGROUPS) {
    let token = part_token(at.subgroup);
    let output = part_output(at.subgroup);
    #unroll step STEPS
      let column = step * MATRIX_K / 2u;
      var w: array<Right, COLUMNS>;
      #unroll j COLUMNS
        w[j] = subgroupMatrixLoad<Right, col_major>(&w_tile, tile_index(output + j * MATRIX_N, column), ROW_PAIRS);
      #end
      #unroll i ROWS
        let v = subgroupMatrixLoad<Left, row_major>(&x_tile, tile_index(token + i * MATRIX_M, column), ROW_PAIRS);
        #unroll j COLUMNS
          (*sums)[i][j] = subgroupMatrixMultiplyAccumulate(v, w[j], (*sums)[i][j]);
        #end
      #end
    #end
  }
}

// One matrix of each subgroup at a time, row-major, on its way to memory.
const MATRIX_SIZE = MATRIX_M * MATRIX_N;
var<workgroup> results: array<f32, SUBGROUPS * MATRIX_SIZE>;

@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn store_sums(at: Invocation, place: Place, first_output: u32, sums: ptr<function, Sums>) {
  #unroll i ROWS
    #unroll j COLUMNS
      workgroupBarrier();
      if (at.subgroup < SUBGROUPS) {
        subgroupMatrixStore<row_major>(&results, at.subgroup * MATRIX_SIZE, (*sums)[i][j], MATRIX_N);
      }
      workgroupBarrier();
      store_results(at.lane, place, i * MATRIX_M, first_output + j * MATRIX_N);
    #end
  #end
}

// @param token of the tile's, the first of the matrix
fn store_results(lane: u32, place: Place, token: u32, output: u32) {
  for (var n = lane; n < SUBGROUPS * MATRIX_SIZE; n += LANES) {
    let subgroup = n / MATRIX_SIZE;
    let row = n % MATRIX_SIZE / MATRIX_N;
    let position = place.first + token + part_token(subgroup) + row;
    store_output(place, position, output + part_output(subgroup) + n % MATRIX_N, results[n]);
  }
}
