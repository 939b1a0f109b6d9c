/**
 * The upper triangular U of H⁻¹ = Uᵀ·U, by U = R⁻¹ of the factor H = R·Rᵀ, R upper triangular: half the work of inverting H and factoring that.
 * @param h symmetric `[n][n]`, row-major, of which the upper triangle is read; U takes its place, with zeros below the diagonal
 * Returns false, and leaves nothing of use, where H is not positive definite as far as f64 can tell.
 */
export function inverseFactor(h: Float64Array, n: number): boolean {
  if (!factor(h, n)) return false;
  invert(h, n);
  return true;
}

/** In place, from the last row up: R[i][j] = (H[i][j] − Σ_k>j R[i][k]·R[j][k]) / R[j][j]. */
function factor(h: Float64Array, n: number): boolean {
  for (let i = n - 1; i >= 0; i--) {
    for (let j = n - 1; j > i; j--) {
      const rest = h[i * n + j] - dot(h, i * n + j + 1, j * n + j + 1, n - 1 - j);
      h[i * n + j] = rest / h[j * n + j];
    }
    const square = h[i * n + i] - dot(h, i * n + i + 1, i * n + i + 1, n - 1 - i);
    // A pivot of rounding errors alone, or NaN.
    if (!(square > h[i * n + i] * n * Number.EPSILON)) return false;
    h[i * n + i] = Math.sqrt(square);
  }
  return true;
}

/** Four sums at a time: one alone would wait for each addition. */
function dot(values: Float64Array, a: number, b: number, count: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  const whole = count - (count % 4);
  for (let k = 0; k < whole; k += 4) {
    s0 += values[a + k] * values[b + k];
    s1 += values[a + k + 1] * values[b + k + 1];
    s2 += values[a + k + 2] * values[b + k + 2];
    s3 += values[a + k + 3] * values[b + k + 3];
  }
  for (let k = whole; k < count; k++) s0 += values[a + k] * values[b + k];
  return s0 + s1 + (s2 + s3);
}

/** In place, from the last row up: X[i] = (unit[i] − Σ_k>i R[i][k]·X[k]) / R[i][i]. */
function invert(r: Float64Array, n: number): void {
  const row = new Float64Array(n);
  for (let i = n - 1; i >= 0; i--) {
    const scale = 1 / r[i * n + i];
    row.fill(0, i);
    for (let k = i + 1; k < n; k++) subtractRow(row, r[i * n + k], r, k, n);
    for (let j = i + 1; j < n; j++) r[i * n + j] = row[j] * scale;
    r.fill(0, i * n, i * n + i);
    r[i * n + i] = scale;
  }
}

/** row −= factor · X[k], from the diagonal on. */
function subtractRow(row: Float64Array, factor: number, x: Float64Array, k: number, n: number): void {
  for (let j = k; j < n; j++) row[j] -= factor * x[k * n + j];
}
