// Operands of integer products as they lie in memory, four bytes a word.
alias Operand = Packed;

fn weight_operand(w: Packed) -> Operand {
  return w;
}

fn x_operand(x: Packed) -> Operand {
  return x;
}

fn operand_dot(w: Operand, x: Operand) -> i32 {
  return packed_dot(w, x);
}
