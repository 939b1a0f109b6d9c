import type { Tensor } from '../ops/ops.js';
import { BLOCK_CODES, blocksPerRow, isInteger, type WeightFormat } from '../quant/weight.js';
import { Params } from './params.js';
import type { Dispatch } from './recorder.js';
import { unpackedStep } from './weights.js';

/** Of INT8. */
const CODES_PER_WORD = 4;

export interface QuantizeArgs {
  readonly x: Tensor<GPUBuffer>;
  /** Rows as `codeWords` lays them out. */
  readonly codes: Tensor<GPUBuffer>;
  /** The format of the weight that the codes meet: they are laid out in the order in which its reader unpacks. */
  readonly format: WeightFormat;
  readonly rows: number;
}

/** Rounds rows of x to INT8. Throws RangeError for a weight whose codes are no integers around a zero point: it has nothing to multiply with. */
export function quantizeDispatch({ x, codes, format, rows }: QuantizeArgs, lanes: number): Dispatch {
  if (!isInteger(format)) throw new RangeError(`${format.reader} weights take no INT8 activations`);
  const blocks = blocksPerRow(x.cols);
  const step = unpackedStep(format);
  return {
    spec: { kernel: 'quantize_rows', weight: null, types: { X: x.type }, constants: { LANES: lanes } },
    buffers: [x.data, codes.data],
    weight: [],
    params: new Params().u32(blocks, x.stride, codes.stride, step, BLOCK_CODES, BLOCK_CODES / CODES_PER_WORD)
      .words,
    grid: [Math.ceil(blocks / lanes), rows, 1],
  };
}
