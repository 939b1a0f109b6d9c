// Puts a result at its place in y, or adds it to what is there; needs `params.accumulate`.
fn store_at(at: u32, value: f32) {
  if (params.accumulate != 0u) {
    y[at] = Y(f32(y[at]) + value);
  } else {
    y[at] = Y(value);
  }
}
