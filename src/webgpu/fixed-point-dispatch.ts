import type { OpArgs, WeightPart } from '../ops/ops.js';
import { Params } from './params.js';
import type { Dispatch } from './recorder.js';
import { dotFor, foldGrid } from './tiling.js';
import type { Tuning } from './tuning.js';
import { weightBuffers, weightConstants, weightShape } from './weights.js';

/** Neighbouring outputs of a lane. */
const LANE_OUTPUTS = 4;

/** The product of a part in integers alone, of rows that are rounded. Throws RangeError for what integers alone cannot give. */
export function fixedPointDispatch(
  { codes, rescale, out, rows, accumulate, scale = 1, experts }: OpArgs<GPUBuffer, 'linear'>,
  part: WeightPart<GPUBuffer>,
  tuning: Tuning,
  nothing: GPUBuffer,
): Dispatch {
  const { format } = part;
  if (!codes || !rescale || experts || format.groupSize !== null || format.zeroPoints)
    throw new RangeError('integers alone give products of codes with one scale a row and no zero points');
  const lanes = tuning.tileLanes;
  return {
    spec: {
      kernel: 'fixed_point_int8',
      weight: format.reader,
      types: { X: codes.type, Y: out.type },
      constants: { LANES: lanes, ...weightConstants(part) },
      dot: dotFor(format.bits, tuning),
    },
    buffers: [codes.data, rescale.table.data, out.data],
    weight: weightBuffers(part, nothing),
    params: new Params()
      .u32(rows, part.rows, part.rowStart, codes.stride / 4, out.stride, accumulate ? 1 : 0)
      .f32(scale)
      .u32(...weightShape(part)).words,
    grid: foldGrid(Math.ceil(part.rows / (LANE_OUTPUTS * lanes)), rows),
  };
}
