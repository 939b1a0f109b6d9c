import { dot, subtractFour, subtractRow } from './row-operations.js';

/** Rows and columns that are worked on at once, and terms of their sums that stay in a core's cache meanwhile. */
const BLOCK = 64;
const CHUNK = 512;

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

/** In place, from the last columns to the first: R[i][j] = (H[i][j] − Σ_k>j R[i][k]·R[j][k]) / R[j][j]. */
function factor(h: Float64Array, n: number): boolean {
  const pivots = Float64Array.from({ length: n }, (_, i) => h[i * n + i]);
  for (let end = n; end > 0; end -= BLOCK) {
    const start = Math.max(0, end - BLOCK);
    subtractProducts(h, n, start, end);
    for (let i = end - 1; i >= 0; i--) {
      for (let j = end - 1; j >= start && j > i; j--) {
        const rest = h[i * n + j] - dot(h, i * n + j + 1, h, j * n + j + 1, end - 1 - j);
        h[i * n + j] = rest / h[j * n + j];
      }
      if (i >= start && !root(h, n, i, end, pivots[i])) return false;
    }
  }
  return true;
}

/** The diagonal of row i. @param pivot what it was in H */
function root(h: Float64Array, n: number, i: number, end: number, pivot: number): boolean {
  const at = i * n + i;
  const square = h[at] - dot(h, at + 1, h, at + 1, end - 1 - i);
  // A pivot of rounding errors alone, or NaN.
  if (!(square > pivot * n * Number.EPSILON)) return false;
  h[at] = Math.sqrt(square);
  return true;
}

/** h[i][j] −= Σ_k≥end h[i][k]·h[j][k], for i of 0 … end − 1 and j of start … end − 1. */
function subtractProducts(h: Float64Array, n: number, start: number, end: number): void {
  for (let from = end; from < n; from += CHUNK) {
    const count = Math.min(CHUNK, n - from);
    let i = 0;
    for (; i + 2 <= end; i += 2) {
      let j = start;
      for (; j + 4 <= end; j += 4) subtractTile(h, n, i, j, from, count);
      for (; j < end; j++) for (const row of [i, i + 1]) subtractDot(h, n, row, j, from, count);
    }
    for (; i < end; i++) for (let j = start; j < end; j++) subtractDot(h, n, i, j, from, count);
  }
}

function subtractDot(h: Float64Array, n: number, i: number, j: number, from: number, count: number): void {
  h[i * n + j] -= dot(h, i * n + from, h, j * n + from, count);
}

/** `subtractDot` for two rows and four columns: each number is read once for several sums. */
function subtractTile(h: Float64Array, n: number, i: number, j: number, from: number, count: number): void {
  let [xa, xb, xc, xd, ya, yb, yc, yd] = [0, 0, 0, 0, 0, 0, 0, 0];
  let first = i * n + from;
  let second = j * n + from;
  for (let k = 0; k < count; k++, first++, second++) {
    const x = h[first];
    const y = h[first + n];
    const a = h[second];
    const b = h[second + n];
    const c = h[second + 2 * n];
    const d = h[second + 3 * n];
    xa += x * a;
    xb += x * b;
    xc += x * c;
    xd += x * d;
    ya += y * a;
    yb += y * b;
    yc += y * c;
    yd += y * d;
  }
  const at = i * n + j;
  h[at] -= xa;
  h[at + 1] -= xb;
  h[at + 2] -= xc;
  h[at + 3] -= xd;
  h[at + n] -= ya;
  h[at + n + 1] -= yb;
  h[at + n + 2] -= yc;
  h[at + n + 3] -= yd;
}

/** In place, from the last rows up: X[i] = (unit[i] − Σ_k>i R[i][k]·X[k]) / R[i][i]. */
function invert(r: Float64Array, n: number): void {
  const panel = new Float64Array(BLOCK * n);
  for (let end = n; end > 0; end -= BLOCK) {
    const start = Math.max(0, end - BLOCK);
    panel.set(r.subarray(start * n, end * n));
    r.fill(0, start * n, end * n);
    subtractRows(r, n, panel, start, end);
    for (let i = end - 1; i >= start; i--) {
      const own = (i - start) * n;
      for (let k = i + 1; k < end; k++) subtractRow(r, i * n + k, panel[own + k], r, k * n + k, n - k);
      r[i * n + i] = 1;
      const scale = 1 / panel[own + i];
      for (let j = i; j < n; j++) r[i * n + j] *= scale;
    }
  }
}

/** x[i] −= Σ_k≥end R[i][k]·x[k] for i of start … end − 1; n − end is a multiple of `BLOCK`. @param panel R's rows from start on */
function subtractRows(x: Float64Array, n: number, panel: Float64Array, start: number, end: number): void {
  for (let left = end; left < n; left += CHUNK) {
    const right = Math.min(left + CHUNK, n);
    for (let k = end; k < right; k += 4) subtractRowsAt(x, n, panel, start, end, k, Math.max(left, k), right);
  }
}

/** The part of rows k … k + 3, which begin at column k, in columns from … to − 1. */
function subtractRowsAt(
  x: Float64Array,
  n: number,
  panel: Float64Array,
  start: number,
  end: number,
  k: number,
  from: number,
  to: number,
): void {
  const y = { values: x, at: k * n + from, stride: n };
  let i = start;
  for (; i + 2 <= end; i += 2) {
    const factors = { values: panel, at: (i - start) * n + k, stride: n };
    subtractFour({ values: x, at: i * n + from, stride: n }, factors, y, to - from);
  }
  for (; i < end; i++) {
    for (let row = k; row < k + 4; row++)
      subtractRow(x, i * n + from, panel[(i - start) * n + row], x, row * n + from, to - from);
  }
}
