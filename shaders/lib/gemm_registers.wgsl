// A lane, of TOKEN_LANES · OUTPUT_LANES, sums LANE_TOKENS tokens × 4 outputs of the tile in registers. Its tokens lie TOKEN_LANES apart and its
// outputs OUTPUT_LANES apart, so that neighbouring lanes read and store neighbouring rows.
struct Invocation {
  @builtin(local_invocation_index) lane: u32,
}
const STEP_BLOCKS = 1u;
const TILE_SETS = 1u;
const GATE_RUN = TILE_OUTPUTS / 2u;
const LANE_TOKENS = 8u;
const TOKEN_LANES = TILE_TOKENS / LANE_TOKENS;
const OUTPUT_LANES = TILE_OUTPUTS / 4u;
// [token], outputs.
alias Sums = array<vec4f, LANE_TOKENS>;

// vec4 of a row in shared memory. The columns of each row are permuted in a way of its own: then lanes that read one column of eight
// neighbouring rows meet different banks without padding, which in f32 would take more than the 16 KiB that every adapter has.
const ROW_VECTORS = BLOCK_VECTORS;
fn tile_index(row: u32, column: u32) -> u32 {
  return row * ROW_VECTORS + (column ^ (row % ROW_VECTORS));
}

var<workgroup> x_tile: array<X4, TILE_TOKENS * ROW_VECTORS>;
var<workgroup> w_tile: array<X4, TILE_OUTPUTS * ROW_VECTORS>;

fn w_vector(row: u32, column: u32) -> vec4f {
  return vec4f(w_tile[tile_index(row, column)]);
}

// Nothing is fetched ahead: the registers are full of sums. The block that is next.
alias Fetched = u32;

fn fetch(lane: u32, part: Part, block: u32) -> Fetched {
  return block;
}

fn put(lane: u32, part: Part, which: u32, block: Fetched) {
  for (var i = lane; i < TILE_TOKENS * CHUNKS_PER_BLOCK; i += LANES) {
    let row = i / CHUNKS_PER_BLOCK;
    let column = i % CHUNKS_PER_BLOCK * 2u;
    let token = x_row(min(part.place.first + row, part.place.end - 1u));
    let pair = x_eight(token * params.x_stride + block * BLOCK_VECTORS + column);
    x_tile[tile_index(row, column)] = pair[0];
    x_tile[tile_index(row, column + 1u)] = pair[1];
  }
  for (var i = lane; i < TILE_OUTPUTS * CHUNKS_PER_BLOCK; i += LANES) {
    let row = i / CHUNKS_PER_BLOCK;
    let chunk = i % CHUNKS_PER_BLOCK;
    let weight_at = weight_row(part.place, tile_output(part.output, row));
    let scale = weight_scale(weight_at, block);
    let w = weight_chunk(weight_at, block, chunk);
    w_tile[tile_index(row, chunk * 2u)] = X4(scale * w.a);
    w_tile[tile_index(row, chunk * 2u + 1u)] = X4(scale * w.b);
  }
}

fn add_step(at: Invocation, which: u32, sums: ptr<function, Sums>) {
  let token = at.lane / OUTPUT_LANES;
  let output = at.lane % OUTPUT_LANES;
  for (var column = 0u; column < BLOCK_VECTORS; column++) {
    let w0 = w_vector(output, column);
    let w1 = w_vector(output + OUTPUT_LANES, column);
    let w2 = w_vector(output + 2u * OUTPUT_LANES, column);
    let w3 = w_vector(output + 3u * OUTPUT_LANES, column);
    for (var t = 0u; t < LANE_TOKENS; t++) {
      let v = vec4f(x_tile[tile_index(token + t * TOKEN_LANES, column)]);
      (*sums)[t] += vec4f(dot(w0, v), dot(w1, v), dot(w2, v), dot(w3, v));
    }
  }
}

// Sums move down to the first, so that stores are compiled once and not once per token.
fn store_sums(at: Invocation, place: Place, first_output: u32, sums: ptr<function, Sums>) {
  for (var position = place.first + at.lane / OUTPUT_LANES; position < place.end; position += TOKEN_LANES) {
    store_outputs(place, position, first_output, at.lane % OUTPUT_LANES, (*sums)[0]);
    for (var t = 1u; t < LANE_TOKENS; t++) {
      (*sums)[t - 1u] = (*sums)[t];
    }
  }
}

// Of a lane's four rows of the tile the first two are gates where there are any, and the others what they gate.
fn store_outputs(place: Place, position: u32, first_output: u32, row: u32, sums: vec4f) {
  if (params.gates != 0u) {
    let gate = first_output / 2u + row;
    store_gated(place, position, gate, sums.x, sums.z);
    store_gated(place, position, gate + OUTPUT_LANES, sums.y, sums.w);
    return;
  }
  for (var i = 0u; i < 4u; i++) {
    store_output(place, position, first_output + row + i * OUTPUT_LANES, sums[i]);
  }
}
