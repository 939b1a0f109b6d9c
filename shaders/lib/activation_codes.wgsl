// Activations as `quantize_rows.wgsl` leaves them: rows of `params.x_stride` vec4, [block] of 8 words of codes, then [block] scales.
fn x_packed(row: u32, block: u32) -> Packed {
  let at = row * params.x_stride + block * 2u;
  return Packed(x[at], x[at + 1u]);
}

fn x_scale(row: u32, block: u32) -> f32 {
  return bitcast<f32>(x[row * params.x_stride + params.weight.blocks * 2u + block / 4u][block % 4u]);
}
