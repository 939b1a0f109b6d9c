// Products of four signed bytes where the language has no function for them.
fn signed_bytes(word: u32) -> vec4i {
  let w = bitcast<i32>(word);
  return vec4i(extractBits(w, 0u, 8u), extractBits(w, 8u, 8u), extractBits(w, 16u, 8u), extractBits(w, 24u, 8u));
}

fn dot4(a: u32, b: u32) -> i32 {
  return dot(signed_bytes(a), signed_bytes(b));
}
