// Products of packed blocks, exact in i32.
#include dot
#include operands

fn dot16(a: vec4u, b: vec4u) -> i32 {
  return (dot4(a.x, b.x) + dot4(a.y, b.y)) + (dot4(a.z, b.z) + dot4(a.w, b.w));
}

fn packed_dot(w: Packed, x: Packed) -> i32 {
  return dot16(w.a, x.a) + dot16(w.b, x.b);
}

fn packed_sum(x: Packed) -> i32 {
  let ones = vec4u(0x01010101u);
  return packed_dot(Packed(ones, ones), x);
}
