// What a step of `attention_single` reads of K and V.
override CHUNKS: u32 = HEAD_DIM / 4u;
// Chunk j of a lane in turn i is at i · LANE_CHUNKS + j.
const LOADS = TURNS * LANE_CHUNKS;

// What a step reads; of chunks that lie in groups also what their groups begin with.
struct Fetched {
  k: array<Kv4, LOADS>,
  v: array<Kv4, LOADS>,
  k_groups: array<Kv4, LOADS>,
  v_groups: array<Kv4, LOADS>,
  k_scales: array<f32, TURNS>,
  v_scales: array<f32, TURNS>,
}

fn place_of(tile: Tile, position: u32) -> KvPlace {
  let block = batch[tile.table + position / BLOCK_SIZE];
  return kv_place(block, position % BLOCK_SIZE, tile.kv_head, CHUNKS);
}

// Of the positions of the lane's row in the step from `step` on. One beyond the end may hold anything: in its place the last is read.
fn places_of(tile: Tile, lane: Place, step: u32) -> array<KvPlace, TURNS> {
  var places: array<KvPlace, TURNS>;
  #unroll i TURNS
    places[i] = place_of(tile, min(step + i * ROWS + lane.row, tile.end - 1u));
  #end
  return places;
}

// The lane's chunk j. A lane beyond the head's chunks reads the last and multiplies it by zeros.
fn chunk_of(lane: Place, j: u32) -> u32 {
  return min(lane.column + j * ROW_LANES, CHUNKS - 1u);
}

fn fetch(lane: Place, places: array<KvPlace, TURNS>) -> Fetched {
  var fetched: Fetched;
  #unroll i TURNS
    #unroll j LANE_CHUNKS
      const n = i * LANE_CHUNKS + j;
      let chunk = chunk_of(lane, j);
      fetched.k[n] = k_cache[places[i].head + kv_element(chunk)];
      if (KV_GATHERS) {
        fetched.k_groups[n] = k_cache[places[i].head + kv_group(chunk)];
      }
    #end
    if (KV_SCALES > 0u) {
      fetched.k_scales[i] = kv_decode_scale(k_cache[places[i].scale]);
    }
  #end
  #unroll i TURNS
    #unroll j LANE_CHUNKS
      const n = i * LANE_CHUNKS + j;
      let chunk = chunk_of(lane, j);
      fetched.v[n] = v_cache[places[i].head + kv_element(chunk)];
      if (KV_GATHERS) {
        fetched.v_groups[n] = v_cache[places[i].head + kv_group(chunk)];
      }
    #end
    if (KV_SCALES > 0u) {
      fetched.v_scales[i] = kv_decode_scale(v_cache[places[i].scale]);
    }
  #end
  return fetched;
}
