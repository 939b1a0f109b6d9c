// Chains of f32 multiply-adds in registers: eight in each lane, none waiting for another. A turn of the loop is 8 · UNROLLED of them,
// written as the kernels write theirs: compilers fuse the two operations where the machine can.
struct Params {
  turns: u32,
  factor: f32,
  addend: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
override LANES: u32 = 256u;
const UNROLLED = 16u;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let factor = vec4f(params.factor);
  let addend = vec4f(params.addend);
  var a = vec4f(f32(id.x % 7u)) + vec4f(0.0, 1.0, 2.0, 3.0);
  var b = a + vec4f(0.5);
  for (var turn = 0u; turn < params.turns; turn++) {
    for (var i = 0u; i < UNROLLED; i++) {
      a = a * factor + addend;
      b = b * factor + addend;
    }
  }
  // Every lane's result counts, so that no compiler leaves the loop out.
  let sum = a + b;
  y[id.x] = (sum.x + sum.y) + (sum.z + sum.w);
}
