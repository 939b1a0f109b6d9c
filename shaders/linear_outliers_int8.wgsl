// Adds to y what outliers of x give, the values that `lib/int8_rows.wgsl` leaves out: a lane takes an output of each row of a tile. Most blocks of
// 32 along K have no outlier: the lanes find out together, each looking at one block of so many, and the weight is read for the others alone.
#include "lib/linear.wgsl"
#include "lib/activation_block.wgsl"
override LANES: u32 = 32u;
override OUTLIERS: f32 = 6.0;
// Whether a block of the LANES at hand has an outlier.
var<workgroup> found: array<u32, LANES>;

fn outliers_of(v: vec4f) -> vec4f {
  return select(vec4f(), v, abs(v) >= vec4f(OUTLIERS));
}

fn outlier_chunk(v: Chunk) -> Chunk {
  return Chunk(outliers_of(v.a), outliers_of(v.b));
}

fn outlier_block(row: u32, block: u32) -> Block {
  let v = x_block(row, block);
  return Block(outlier_chunk(v.p), outlier_chunk(v.q), outlier_chunk(v.r), outlier_chunk(v.s));
}

fn has_outlier(v: Block) -> bool {
  let sizes = max(max(max(abs(v.p.a), abs(v.p.b)), max(abs(v.q.a), abs(v.q.b))), max(max(abs(v.r.a), abs(v.r.b)), max(abs(v.s.a), abs(v.s.b))));
  return any(sizes > vec4f());
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let place = place_of(group.y, 1u);
  let output = (group.x + group.z * groups.x) * LANES + lane;
  let weight = weight_row(place, output);
  for (var position = place.first; position < place.end; position++) {
    let row = x_row(position);
    var sum = 0.0;
    for (var first = 0u; first < params.weight.blocks; first += LANES) {
      let count = min(LANES, params.weight.blocks - first);
      workgroupBarrier();
      if (lane < count) {
        found[lane] = u32(has_outlier(outlier_block(row, first + lane)));
      }
      workgroupBarrier();
      for (var i = 0u; i < count; i++) {
        if (found[i] != 0u) {
          let block = first + i;
          sum += weight_scale(weight, block) * block_dot(weight_block(weight, block), outlier_block(row, block));
        }
      }
    }
    if (position < place.end && output < params.outputs && place.row + output < params.rows) {
      let at = y_row(position) * params.y_stride + place.column + output;
      y[at] = Y(f32(y[at]) + params.scale * sum);
    }
  }
}
