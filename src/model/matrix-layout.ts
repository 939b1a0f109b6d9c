type Elements = Uint16Array | Uint32Array | Float32Array;

/**
 * A matrix as rows of q, k, v: `[outputs][inputs]`.
 * @param layout how `values` lie: `[inputs][outputs]`, or q, k and v of one head after another
 * @param rows outputs
 */
export function byRows<T extends Elements>(
  values: T,
  layout: 'transposed' | 'headwise',
  rows: number,
  headDim: number,
): T {
  const cols = values.length / rows;
  if (layout === 'headwise') return headwiseValues(values, headDim * cols);
  const out = values.slice() as T;
  for (let n = 0; n < rows; n++) {
    for (let k = 0; k < cols; k++) out[n * cols + k] = values[k * rows + n];
  }
  return out;
}

/** `[head][3][size]` as `[3][head][size]`. */
export function headwiseValues<T extends Elements>(values: T, size: number): T {
  const heads = values.length / (3 * size);
  const out = values.slice() as T;
  for (let from = 0; from < 3 * heads; from++) {
    const [head, part] = [Math.floor(from / 3), from % 3];
    out.set(values.subarray(from * size, (from + 1) * size), (part * heads + head) * size);
  }
  return out;
}
