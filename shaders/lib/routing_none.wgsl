// A product of every token with all rows of the weight's part: rows of x and y are taken in their order.
fn place_of(tile: u32, tokens: u32) -> Place {
  let first = tile * tokens;
  return Place(first, min(first + tokens, params.tokens), 0u, params.first_output, params.first_output);
}

fn x_row(position: u32) -> u32 {
  return position;
}

fn y_row(position: u32) -> u32 {
  return position;
}

// Rows of x that a tile of `linear_tile` reads.
alias TileRows = Place;

fn tile_rows_of(place: Place) -> TileRows {
  return place;
}

fn tile_row(rows: TileRows, t: u32) -> u32 {
  return min(rows.first + t, rows.end - 1u);
}
