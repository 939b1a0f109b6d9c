// Scales of four outputs for a block, and what stored zero points add: Σ (code − zero) · x = Σ packed · x · PACKED_UNIT + offset · Σ x.
struct RowScales { scale: vec4f, offset: vec4f }

fn row_scales(rows: vec4u, block: u32) -> RowScales {
  let scale = vec4f(
    weight_scale(rows.x, block), weight_scale(rows.y, block), weight_scale(rows.z, block), weight_scale(rows.w, block),
  );
  if (!ZERO_POINTS) {
    return RowScales(scale * PACKED_UNIT, vec4f());
  }
  let offset = vec4f(
    weight_offset(rows.x, block), weight_offset(rows.y, block), weight_offset(rows.z, block), weight_offset(rows.w, block),
  );
  return RowScales(scale * PACKED_UNIT, scale * offset);
}

// What a block adds to the four outputs, but for the scale of x.
fn scaled_dots(scales: RowScales, dots: vec4i, x: Packed) -> vec4f {
  let sum = scales.scale * vec4f(dots);
  if (!ZERO_POINTS) {
    return sum;
  }
  return sum + scales.offset * f32(packed_sum(x));
}
