import type { OpArgs, WeightPart } from '../ops/ops.js';
import { activationConstants } from './activation-constants.js';
import { type GemmTiling, gemmTiling } from './gemm-tiling.js';
import { Params } from './params.js';
import type { PipelineSpec } from './pipelines.js';
import { quantizeDispatch } from './quantize-dispatch.js';
import type { Dispatch } from './recorder.js';
import { dotFor, type Tiling } from './tiling.js';
import type { Tilings } from './tilings.js';
import type { Tuning } from './tuning.js';
import { weightBuffers, weightConstants, weightShape } from './weights.js';

type Args = OpArgs<GPUBuffer, 'linear'>;

/** What of `norm` and `gated` a product does on the way. */
export function linearFusion(
  args: Args,
  tuning: Tuning,
): { readonly norm: boolean; readonly gates: boolean } {
  const { x, weight, rows, codes = null } = args;
  if (gemmTiling(rows, (codes ?? x).type, tuning) !== null) return { norm: false, gates: false };
  // Columns of the norm's weight are not padded to whole blocks, and rounding to INT8 needs a row that is normalised.
  const whole = codes === null && !args.norm?.bias && x.cols === x.stride;
  // A gate and what it gates must lie in the same part; without gates the activation is an operation of its own.
  const gates = weight.parts.length === 1 && args.gated?.cols !== args.out.cols;
  return { norm: whole && rows <= tuning.maxFusedNormTokens, gates };
}

/** A dispatch for each part of the weight, before it one that rounds the activations where that is asked for. */
export function linearDispatches(args: Args, tilings: Tilings, nothing: GPUBuffer): Dispatch[] {
  const { x, weight, rows, codes = null } = args;
  return weight.parts.flatMap((part, i) => {
    const product = productDispatch(args, part, tilings, nothing);
    const { format } = part;
    if (codes === null || format.bits === weight.parts[i - 1]?.format.bits) return [product];
    return [quantizeDispatch({ x, codes, format, rows }, tilings.tuning.quantizeLanes), product];
  });
}

function productDispatch(
  args: Args,
  part: WeightPart<GPUBuffer>,
  tilings: Tilings,
  nothing: GPUBuffer,
): Dispatch {
  const { x, bias, out, rows, codes = null, norm = null } = args;
  const key = tilings.keyOf(part, codes === null ? 'float' : 'int8');
  const tiling = gemmTiling(rows, (codes ?? x).type, tilings.tuning) ?? tilings.for(key, rows);
  return {
    spec: productSpec(args, part, tiling, tilings.tuning),
    buffers: [(codes ?? x).data, bias?.data ?? nothing, out.data, norm?.weight.data ?? nothing],
    weight: weightBuffers(part, nothing),
    params: productParams(args, part),
    grid: tiling.grid(part.rows),
  };
}

function productSpec(
  { x, out, codes = null, norm = null, gated = null, activation }: Args,
  part: WeightPart<GPUBuffer>,
  tiling: Tiling | GemmTiling,
  tuning: Tuning,
): PipelineSpec {
  const { kernel, constants, lanes } = tiling;
  const own = codes === null ? { ...constants, NORM: norm === null ? 0 : 1 } : constants;
  return {
    kernel: codes === null || kernel === 'linear_gemm' ? kernel : `${kernel}_int8`,
    matrix: kernel === 'linear_gemm' ? tiling.matrix : undefined,
    weight: part.format.reader,
    types: { X: (codes ?? x).type, Y: out.type },
    constants: {
      ...own,
      ...(gated === null ? {} : activationConstants(activation)),
      ...weightConstants(part),
    },
    lanes,
    dot: codes === null ? undefined : dotFor(part.format.bits, tuning),
  };
}

function productParams(
  { x, bias, out, rows, accumulate, codes = null, norm = null, gated = null, scale = 1 }: Args,
  part: WeightPart<GPUBuffer>,
): Uint32Array {
  const { stride } = codes ?? x;
  return new Params()
    .u32(rows, part.rows, part.rowStart, stride / 4, out.stride)
    .u32(bias === null ? 0 : 1, accumulate ? 1 : 0, gated === null ? 0 : part.rows / 2, part.cols)
    .f32(norm?.eps ?? 0, scale)
    .u32(...weightShape(part)).words;
}
