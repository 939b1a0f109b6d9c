// Weights that are factor · code + offset. `weight_affines` gives both for the first 16 codes of a block, then for the other 16.
fn affine(codes: Chunk, by: vec2f) -> Chunk {
  return Chunk(fma(codes.a, vec4f(by.x), vec4f(by.y)), fma(codes.b, vec4f(by.x), vec4f(by.y)));
}

fn weight_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  let by = weight_affines(row, block);
  return affine(code_chunk(row, block, chunk), select(by.xy, by.zw, chunk >= 2u));
}

fn weight_block(row: u32, block: u32) -> Block {
  let codes = code_block(row, block);
  let by = weight_affines(row, block);
  return Block(affine(codes.p, by.xy), affine(codes.q, by.xy), affine(codes.r, by.zw), affine(codes.s, by.zw));
}
