// Matrix product for few tokens: a workgroup computes 4 outputs of one token, its lanes share K block by block, so that neighbouring
// lanes read neighbouring weights.
#include "lib/linear.wgsl"
#include row
override LANES: u32 = 32u;
#include lanes

// A block of each of four rows.
struct RowsCodes { a: RowCodes, b: RowCodes, c: RowCodes, d: RowCodes }

fn load_codes(rows: vec4u, block: u32) -> RowsCodes {
  return RowsCodes(row_codes(rows.x, block), row_codes(rows.y, block), row_codes(rows.z, block), row_codes(rows.w, block));
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let place = place_of(group.y, 1u);
  if (place.first >= place.end) {
    return;
  }
  let token = x_row(place.first);
  let tile = group.x + group.z * groups.x;
  let rows = tile_rows(place, tile);
  var sum = vec4f();
  var squares = 0.0;
  // Codes that are loaded ahead are on their way while those of the turn before are multiplied.
  let last = params.weight.blocks - 1u;
  var next = load_codes(rows, min(lane, last));
  for (var block = lane; block < params.weight.blocks; block += LANES) {
    let w = next;
    next = load_codes(rows, min(block + LANES, last));
    var v = row_x(token, block);
    if (NORM) {
      squares += row_squares(v);
      v = row_normed(v, block);
    }
    sum += vec4f(row_dot(w.a, v), row_dot(w.b, v), row_dot(w.c, v), row_dot(w.d, v));
  }
  var total = lane_sum(lane, sum);
  if (NORM) {
    // Lane 0 has read the sums before others write the squares over them.
    workgroupBarrier();
    total *= norm_factor(lane_sum(lane, vec4f(squares)).x);
  }
  if (lane == 0u) {
    store_tile(place, place.first, tile, total);
  }
}
