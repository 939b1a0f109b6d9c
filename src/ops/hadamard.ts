/**
 * A vector times Hadamard's matrix (Sylvester's, of ±1) over √size, in blocks of the greatest power of two that divides its length. It is
 * orthogonal and its own inverse. A float is rounded where the caller rounds.
 */
export function hadamard(vector: Float64Array): Float64Array {
  const size = vector.length & -vector.length;
  const out = vector.slice();
  for (let half = 1; half < size; half *= 2) {
    for (let low = 0; low < out.length; low++) {
      if ((low & half) === 0) addAndSubtract(out, low, low + half);
    }
  }
  return out.map((value) => value / Math.sqrt(size));
}

function addAndSubtract(out: Float64Array, i: number, j: number): void {
  const [a, b] = [out[i], out[j]];
  out[i] = a + b;
  out[j] = a - b;
}
