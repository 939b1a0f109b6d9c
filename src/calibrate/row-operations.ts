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

/** x[at + j] −= factor · y[from + j] of `count` numbers. */
export function subtractRow(
  x: Float64Array,
  at: number,
  factor: number,
  y: Float64Array,
  from: number,
  count: number,
): void {
  for (let j = 0; j < count; j++) x[at + j] -= factor * y[from + j];
}

/** Rows that lie in an array, each `stride` after the one before: where the first begins. */
export interface Rows {
  readonly values: Float64Array;
  readonly at: number;
  readonly stride: number;
}

/** From each of two rows x those four of y times the row's factors, `count` numbers of each: each number is read once for several sums. */
export function subtractFour(x: Rows, factors: Rows, y: Rows, count: number): void {
  const { values: f, at: f0 } = factors;
  const g0 = f0 + factors.stride;
  const [fa, fb, fc, fd] = [f[f0], f[f0 + 1], f[f0 + 2], f[f0 + 3]];
  const [ga, gb, gc, gd] = [f[g0], f[g0 + 1], f[g0 + 2], f[g0 + 3]];
  const { values: into, stride } = x;
  const { values: from, stride: step } = y;
  let own = x.at;
  let other = y.at;
  for (let j = 0; j < count; j++, own++, other++) {
    const a = from[other];
    const b = from[other + step];
    const c = from[other + 2 * step];
    const d = from[other + 3 * step];
    into[own] -= fa * a + fb * b + (fc * c + fd * d);
    into[own + stride] -= ga * a + gb * b + (gc * c + gd * d);
  }
}
