// Weights of 16 bits, two per word, low half first: a chunk is a vec4 of words. The file that includes this defines `halves`.
@group(1) @binding(0) var<storage, read> codes: array<vec4u>;

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
