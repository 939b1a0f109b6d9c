// A product of each route of a token to an expert with that expert's rows of the weight, which has those of all experts one after another.
// Routes are taken in an order in which tiles of neighbours go to the same expert.
// [route] the order, then at `params.tiles` of each tile its expert, its first position and how many it has, which may be none.
@group(0) @binding(5) var<storage, read> routes: array<u32>;

// Empty where the part has no row of the expert.
fn place_of(tile: u32, tokens: u32) -> Place {
  let at = params.tiles + 3u * tile;
  let expert_row = routes[at] * params.outputs;
  let first = routes[at + 1u];
  let in_part = expert_row < params.first_output + params.rows && expert_row + params.outputs > params.first_output;
  // The expert's first row may lie before the part: below 0, which wraps round.
  return Place(first, first + select(0u, routes[at + 2u], in_part), expert_row - params.first_output, 0u, expert_row);
}

// A row of x serves so many neighbouring routes: all of a token, or one.
fn x_row(position: u32) -> u32 {
  return routes[position] / params.share;
}

fn y_row(position: u32) -> u32 {
  return routes[position];
}

// Rows of x that a tile of `linear_tile` reads, looked up once.
alias TileRows = array<u32, MAX_TOKENS>;

fn tile_rows_of(place: Place) -> TileRows {
  var rows: TileRows;
  for (var t = 0u; t < MAX_TOKENS; t++) {
    rows[t] = x_row(min(place.first + t, place.end - 1u));
  }
  return rows;
}

fn tile_row(rows: TileRows, t: u32) -> u32 {
  return rows[t];
}
