import type { Tensor } from '../ops/ops.js';
import { BY_BLOCK, type Rounding } from '../quant/rounding.js';
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
  readonly rounding?: Rounding | null;
}

/** Rounds rows of x to INT8. Throws RangeError for a weight whose codes are no integers around a zero point: it has nothing to multiply with. */
export function quantizeDispatch(
  { x, codes, format, rows, rounding }: QuantizeArgs,
  lanes: number,
): Dispatch {
  if (!isInteger(format)) throw new RangeError(`${format.reader} weights take no INT8 activations`);
  const { scale, outliers } = rounding ?? BY_BLOCK;
  const blocks = blocksPerRow(x.cols);
  const step = unpackedStep(format);
  const isStatic = typeof scale === 'number';
  const constants = {
    LANES: lanes,
    ...(outliers === null ? {} : { OUTLIERS: outliers }),
    ...(isStatic ? { STATIC: 1 } : {}),
  };
  const kernel = scale === 'token' ? 'quantize_tokens' : 'quantize_rows';
  return {
    spec: { kernel, weight: null, types: { X: x.type }, constants },
    buffers: [x.data, codes.data],
    weight: [],
    params: new Params()
      .u32(blocks, x.stride, codes.stride, step, BLOCK_CODES, BLOCK_CODES / CODES_PER_WORD)
      .f32(isStatic ? scale : 0).words,
    grid: [scale === 'token' ? 1 : Math.ceil(blocks / lanes), rows, 1],
  };
}
