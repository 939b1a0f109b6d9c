import type { OpArgs } from './ops.js';

/** `Ops.gram`, in f64. */
export function addGram<B extends Float64Array>({ x, rows, out, first, count }: GramArgs<B>): void {
  for (let i = 0; i < count; i++) {
    for (let t = 0; t < rows; t++) {
      const factor = x.data[t * x.stride + first + i];
      for (let j = first + i; j < x.cols; j++) {
        out.data[i * out.stride + j] += factor * x.data[t * x.stride + j];
      }
    }
  }
}

type GramArgs<B> = OpArgs<B, 'gram'>;
