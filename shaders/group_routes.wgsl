// Puts the routes of all tokens in an order by experts, and cuts those of an expert into tiles: one workgroup, a lane for each expert in turn,
// so that nothing depends on which lane comes first.
override LANES: u32 = 32u;
override EXPERTS: u32 = 8u;
struct Params {
  tokens: u32,
  // Experts of a token.
  chosen: u32,
  stride: u32,
  // Routes in a tile, at most.
  tile_routes: u32,
  // Where tiles begin in `routes`, and how many the products look at.
  tiles: u32,
  max_tiles: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> experts: array<u32>;
// As `lib/routing_experts.wgsl` reads them.
@group(0) @binding(2) var<storage, read_write> routes: array<u32>;
// Of each expert: its routes; where they begin in the order; and its tiles among all.
var<workgroup> counts: array<u32, EXPERTS>;
var<workgroup> first_routes: array<u32, EXPERTS>;
var<workgroup> first_tiles: array<u32, EXPERTS>;
var<workgroup> num_tiles: u32;

fn count_routes(expert: u32) -> u32 {
  var count = 0u;
  for (var token = 0u; token < params.tokens; token++) {
    for (var i = 0u; i < params.chosen; i++) {
      count += select(0u, 1u, experts[token * params.stride + i] == expert);
    }
  }
  return count;
}

fn tiles_of(count: u32) -> u32 {
  return (count + params.tile_routes - 1u) / params.tile_routes;
}

fn place_experts() {
  var route = 0u;
  var tile = 0u;
  for (var expert = 0u; expert < EXPERTS; expert++) {
    first_routes[expert] = route;
    first_tiles[expert] = tile;
    route += counts[expert];
    tile += tiles_of(counts[expert]);
  }
  num_tiles = tile;
}

fn order_routes(expert: u32) {
  var position = first_routes[expert];
  for (var token = 0u; token < params.tokens; token++) {
    for (var i = 0u; i < params.chosen; i++) {
      if (experts[token * params.stride + i] == expert) {
        routes[position] = token * params.chosen + i;
        position++;
      }
    }
  }
}

fn write_tile(tile: u32, expert: u32, first: u32, count: u32) {
  let at = params.tiles + 3u * tile;
  routes[at] = expert;
  routes[at + 1u] = first;
  routes[at + 2u] = count;
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  for (var expert = lane; expert < EXPERTS; expert += LANES) {
    counts[expert] = count_routes(expert);
  }
  workgroupBarrier();
  if (lane == 0u) {
    place_experts();
  }
  workgroupBarrier();
  for (var expert = lane; expert < EXPERTS; expert += LANES) {
    order_routes(expert);
    for (var i = 0u; i < tiles_of(counts[expert]); i++) {
      let done = i * params.tile_routes;
      let count = min(params.tile_routes, counts[expert] - done);
      write_tile(first_tiles[expert] + i, expert, first_routes[expert] + done, count);
    }
  }
  for (var tile = num_tiles + lane; tile < params.max_tiles; tile += LANES) {
    write_tile(tile, 0u, 0u, 0u);
  }
}
