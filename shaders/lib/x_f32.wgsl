// Activations in f32, loaded 16 bytes at a time. Places count vec4.
@group(0) @binding(1) var<storage, read> x: array<vec4f>;

fn x_vector(at: u32) -> vec4f {
  return x[at];
}

// Eight neighbours from an even place on.
fn x_eight(at: u32) -> array<vec4f, 2> {
  return array(x[at], x[at + 1u]);
}
