// Products of four signed bytes, by the language's own function.
fn dot4(a: u32, b: u32) -> i32 {
  return dot4I8Packed(a, b);
}
