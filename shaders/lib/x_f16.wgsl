// Activations in f16, loaded 16 bytes at a time. Places count vec4.
@group(0) @binding(1) var<storage, read> x: array<vec4u>;

fn x_vector(at: u32) -> vec4<f16> {
  let words = x[at / 2u];
  return bitcast<vec4<f16>>(select(words.xy, words.zw, vec2(at % 2u != 0u)));
}

// Eight neighbours from an even place on.
fn x_eight(at: u32) -> array<vec4<f16>, 2> {
  let words = x[at / 2u];
  return array(bitcast<vec4<f16>>(words.xy), bitcast<vec4<f16>>(words.zw));
}
