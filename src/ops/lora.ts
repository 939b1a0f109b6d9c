import { batchLayout } from './batch-layout.js';
import type { OpArgs } from './ops.js';

type Lora = OpArgs<Float64Array, 'addLora'>;

/** `addLora` in f64. */
export function addLora({ batch, x, lora, out, rows, of, scale }: Lora): void {
  for (let row = 0; row < rows; row++) {
    const adapter = adapterOf(batch, row, of);
    if (adapter === null) continue;
    const inner = shrink(lora, adapter, x.data.subarray(row * x.stride, row * x.stride + x.cols));
    const size = lora.ends[lora.ends.length - 1];
    for (let n = 0; n < size; n++) {
      const part = lora.ends.findIndex((end) => n < end);
      const first = (adapter * size + n) * lora.b.stride;
      let sum = 0;
      for (let r = 0; r < lora.rank; r++) sum += lora.b.data[first + r] * inner[part * lora.rank + r];
      out.data[row * out.stride + n] += scale * sum;
    }
  }
}

/** null where the row's token has no adapter. */
function adapterOf({ capacity, words }: Lora['batch'], row: number, of: Lora['of']): number | null {
  const { logitsRows, sequenceIds, adapters } = batchLayout(capacity);
  const token = of === 'logits' ? words[logitsRows + row] : row;
  const number = words[adapters + words[sequenceIds + token]];
  return number === 0 ? null : number - 1;
}

/** `[parts · rank]` */
function shrink({ a, rank, ends }: Lora['lora'], adapter: number, x: Float64Array): Float64Array {
  const count = rank * ends.length;
  return Float64Array.from({ length: count }, (_, j) => {
    const first = (adapter * count + j) * a.stride;
    return x.reduce((sum, value, k) => sum + value * a.data[first + k], 0);
  });
}
