// bf16 weights, two per word, low half first: a chunk is a vec4 of words. A bf16 is the upper half of an f32, so a shift is exact.
@group(1) @binding(0) var<storage, read> codes: array<vec4u>;

fn halves(words: vec2u) -> vec4f {
  return bitcast<vec4f>(vec4u(words.x << 16u, words.x & 0xffff0000u, words.y << 16u, words.y & 0xffff0000u));
}

fn weight_chunk(row: u32, block: u32, chunk: u32) -> Chunk {
  let words = codes[(row * params.weight.blocks + block) * CHUNKS_PER_BLOCK + chunk];
  return Chunk(halves(words.xy), halves(words.zw));
}

fn weight_block(row: u32, block: u32) -> Block {
  return Block(
    weight_chunk(row, block, 0u), weight_chunk(row, block, 1u), weight_chunk(row, block, 2u), weight_chunk(row, block, 3u),
  );
}

fn weight_scale(row: u32, block: u32) -> f32 {
  return 1.0;
}
