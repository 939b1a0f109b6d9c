// y = x, for the bandwidth of the device's memory. Each lane copies COPIES vectors, neighbouring lanes neighbouring ones.
struct Params {
  // Lanes of the whole dispatch: the buffers hold COPIES times as many vectors.
  lanes: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
override LANES: u32 = 256u;
const COPIES = 4u;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  for (var i = 0u; i < COPIES; i++) {
    let at = id.x + i * params.lanes;
    y[at] = x[at];
  }
}
