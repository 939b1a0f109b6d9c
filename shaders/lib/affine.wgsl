// Weights that are factor · code + offset, in each half of a block with its own `weight_affine`.
fn affine(codes: Chunk, by: vec2f) -> Chunk {
  return Chunk(fma(codes.a, vec4f(by.x), vec4f(by.y)), fma(codes.b, vec4f(by.x), vec4f(by.y)));
}

fn weight_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  return affine(code_chunk(row, block, chunk), weight_affine(row, block, chunk / 2u));
}

fn weight_block(row: u32, block: u32) -> Block {
  let codes = code_block(row, block);
  let first = weight_affine(row, block, 0u);
  let second = weight_affine(row, block, 1u);
  return Block(affine(codes.p, first), affine(codes.q, first), affine(codes.r, second), affine(codes.s, second));
}
