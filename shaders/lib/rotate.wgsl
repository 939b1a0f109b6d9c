// Heads of q and k are rotated by their token's position: dimension i < rotary_dim/2 and i + rotary_dim/2 by the same angle. Needs `qkv`, `rope`,
// `normalized` and params.rotary_dim. Products and sums are fused in a fixed order, so that a head is the same in any kernel.
// One head of a token.
struct Head {
  // Where it begins in qkv, its position's row of rope, and its row of norms.
  origin: u32,
  angles: u32,
  norm: u32,
  // 1 / rms of what is normalised at once.
  factor: f32,
  // V is stored as it is.
  is_v: bool,
}

// Dimension i of the rotated head; i pairs with i ± rotary_dim/2.
fn rotated(head: Head, i: u32) -> f32 {
  let v = normalized(head, i);
  if (head.is_v || i >= params.rotary_dim) {
    return v;
  }
  let half = params.rotary_dim / 2u;
  let low = i < half;
  let pair = i % half;
  let other = normalized(head, select(i - half, i + half, low));
  return fma(v, rope[head.angles + pair], select(other, -other, low) * rope[head.angles + half + pair]);
}

// Dimensions 4 · chunk to 4 · chunk + 3.
fn rotated4(head: Head, chunk: u32) -> vec4f {
  let i = 4u * chunk;
  return vec4f(rotated(head, i), rotated(head, i + 1u), rotated(head, i + 2u), rotated(head, i + 3u));
}
