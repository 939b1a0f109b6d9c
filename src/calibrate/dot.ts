/** Σ a[from + k] · b[start + k] of `count` numbers. Four sums at a time: one alone would wait for each addition. */
export function dot(a: Float64Array, from: number, b: Float64Array, start: number, count: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  const whole = count - (count % 4);
  for (let k = 0; k < whole; k += 4) {
    s0 += a[from + k] * b[start + k];
    s1 += a[from + k + 1] * b[start + k + 1];
    s2 += a[from + k + 2] * b[start + k + 2];
    s3 += a[from + k + 3] * b[start + k + 3];
  }
  for (let k = whole; k < count; k++) s0 += a[from + k] * b[start + k];
  return s0 + s1 + (s2 + s3);
}
