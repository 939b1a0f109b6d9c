import type { OpArgs, Tensor, WeightPart } from '../ops/ops.js';
import { activationConstants } from './activation-constants.js';
import { tilesOffset } from './expert-dispatches.js';
import { expertGrid, expertTiling } from './expert-tiling.js';
import { fixedPointDispatch } from './fixed-point-dispatch.js';
import {
  decodesStaged,
  type GemmSplits,
  type GemmTiling,
  gemmLoops,
  gemmSplits,
  gemmTiling,
} from './gemm-tiling.js';
import type { KernelName } from './kernels.js';
import { mergeDispatch } from './merge-dispatch.js';
import { orderDispatch } from './order-dispatch.js';
import { type PanelTiling, panelTiling } from './panel-tiling.js';
import { Params } from './params.js';
import type { PipelineSpec } from './pipelines.js';
import { quantizeDispatch } from './quantize-dispatch.js';
import type { Dispatch } from './recorder.js';
import {
  HALF_READERS,
  type StagedTiling,
  stagedNormTiling,
  stagedTiling,
  usesHalves,
} from './staged-tiling.js';
import { dotFor, foldGrid, type Tiling } from './tiling.js';
import type { Tilings } from './tilings.js';
import type { Tuning } from './tuning.js';
import { unpackedStep, weightBuffers, weightConstants, weightShape } from './weights.js';

type Args = OpArgs<GPUBuffer, 'linear'>;
type Part = WeightPart<GPUBuffer>;

/** What of `norm` and `gated` a product does on the way. */
export function linearFusion(
  args: Args,
  tuning: Tuning,
): { readonly norm: boolean; readonly gates: boolean } {
  const { x, weight, rows, codes = null, rounding = null, rescale = null, experts = null } = args;
  // What is added or rounded after the sum comes before the gates.
  if (rescale !== null || (codes !== null && rounding !== null && rounding.outliers !== null))
    return { norm: false, gates: false };
  if (experts !== null) return { norm: false, gates: gatesExperts(args) };
  // Columns of the norm's weight are not padded to whole blocks, and rounding to INT8 needs a row that is normalised.
  const ordered = weight.parts.some(({ columns }) => columns !== undefined);
  const tiled = gemmTiling(rows, (codes ?? x).type, tuning) !== null;
  const whole = codes === null && !args.norm?.bias && x.cols === x.stride && !ordered && !tiled;
  // A gate and what it gates must lie in the same part; without gates the activation is an operation of its own.
  const gates = weight.parts.length === 1 && args.gated?.cols !== args.out.cols;
  return { norm: whole && (rows <= tuning.maxFusedNormTokens || stagesNorm(args, tuning)), gates };
}

/** Whether every part's product puts the activations into shared memory anyway, and normalises them there. */
function stagesNorm({ weight, rows, norm = null }: Args, tuning: Tuning): boolean {
  if (norm === null) return false;
  return weight.parts.every((part) => stagedNormTiling(rows, part, norm.out.type, tuning) !== null);
}

/** Gates and what they gate lie in the same part where each part holds whole experts. */
function gatesExperts({ weight, experts }: Args): boolean {
  if (!experts) return false;
  const outputs = weight.rows / experts.routing.numExperts;
  return weight.parts.every((part) => part.rowStart % outputs === 0 && part.rows % outputs === 0);
}

/** Buffers that belong to no operand. */
export interface LinearScratch {
  /** Bound where an operand is absent. */
  readonly nothing: GPUBuffer;
  /** Sums of workgroups that share K, of `splitSumsBytes`. */
  readonly sums: GPUBuffer;
}

/** A dispatch for each part of the weight, before it those that make its activations ready, and behind it one where workgroups share K. */
export function linearDispatches(args: Args, tilings: Tilings, scratch: LinearScratch): Dispatch[] {
  const { weight } = args;
  return weight.parts.flatMap((part, i) => {
    const x = orderedInput(args, part);
    const before = weight.parts[i - 1] ?? null;
    const products = productDispatches({ ...args, x }, part, tilings, scratch);
    return [...inputDispatches(args, part, before, tilings.tuning), ...products];
  });
}

/** In integers alone, or else the product and what outliers add to it. */
function productDispatches(args: Args, part: Part, tilings: Tilings, scratch: LinearScratch): Dispatch[] {
  const { codes = null, rounding = null, rescale = null } = args;
  const { nothing } = scratch;
  if (rescale !== null) return [fixedPointDispatch(args, part, tilings.tuning, nothing)];
  const products = splitProduct(args, part, tilings, scratch);
  const outliers = codes === null ? null : (rounding?.outliers ?? null);
  return outliers === null
    ? products
    : [...products, outlierDispatch(args, part, outliers, tilings, nothing)];
}

/** The product, or where its workgroups share K, their sums and what adds them up. */
function splitProduct(
  args: Args,
  part: Part,
  tilings: Tilings,
  { nothing, sums }: LinearScratch,
): Dispatch[] {
  const whole = cut(args, part, tilings);
  const { tuning } = tilings;
  const { count, blocks } = splitsOf(args, whole, tuning);
  if (count === 1) return [productDispatch(args, part, whole, tuning, nothing)];
  const { rows } = args;
  const out = { data: sums, rows, cols: part.rows, stride: part.rows, type: 'f32' } as const;
  const product = { ...args, out, bias: null, accumulate: false, gated: null, scale: 1 };
  const [tiles, outputs] = whole.grid;
  const shared: Cut = { ...whole, blocks, grid: [tiles, outputs, count] };
  return [
    productDispatch(product, { ...part, rowStart: 0 }, shared, tuning, nothing),
    mergeDispatch(args, part, sums, count, nothing),
  ];
}

/** Each token's experts have tiles of their own, which no workgroups share. */
function splitsOf({ experts = null }: Args, { tiling, grid, blocks }: Cut, tuning: Tuning): GemmSplits {
  if (tiling.kernel !== 'linear_gemm' || experts !== null) return { count: 1, blocks };
  const [tiles, outputs] = grid;
  return gemmSplits(tiles * outputs, blocks, tuning, tiling.tile.part?.stepBlocks);
}

function outlierDispatch(
  args: Args,
  part: Part,
  threshold: number,
  { tuning }: Tilings,
  nothing: GPUBuffer,
): Dispatch {
  const { x, weight, out, rows, codes, experts = null } = args;
  const lanes = tuning.tileLanes;
  const buffers = [x.data, nothing, out.data, nothing];
  const outputs = experts === null ? part.rows : weight.rows / experts.routing.numExperts;
  const tiles =
    experts === null ? rows : expertTiling(rows, experts.routing, (codes ?? x).type, tuning).numTiles;
  return {
    spec: {
      kernel: 'linear_outliers_int8',
      weight: part.format.reader,
      types: { X: x.type, Y: out.type },
      constants: { LANES: lanes, OUTLIERS: threshold, ...weightConstants(part) },
      routing: experts === null ? undefined : 'experts',
    },
    buffers: experts === null ? buffers : [...buffers, experts.routing.order],
    weight: weightBuffers(part, nothing),
    params: productParams({ ...args, codes: null, bias: null }, part, weightShape(part)[0]),
    grid: foldGrid(Math.ceil(outputs / lanes), tiles),
  };
}

/** The rows that a part multiplies: those of x, or where its columns are in another order, what `order_columns` makes of them. */
function orderedInput({ x, ordered = null, codes, experts }: Args, { columns }: Part): Tensor<GPUBuffer> {
  if (columns === undefined) return x;
  if (ordered === null || codes || experts)
    throw new RangeError('columns in another order are not taken here');
  return { ...x, data: ordered.data };
}

/** Puts columns in the part's order or rounds them, where the part before it did not leave them so. */
function inputDispatches(
  args: Args,
  { format, columns }: Part,
  before: Part | null,
  tuning: Tuning,
): Dispatch[] {
  const { x, ordered = null, codes = null, rounding, experts = null } = args;
  const rows = args.rows * (experts?.of === 'routes' ? experts.routing.topK : 1);
  if (columns !== undefined && ordered !== null) {
    return before?.columns === columns ? [] : [orderDispatch({ x, order: columns, out: ordered, rows })];
  }
  const laidOut = before !== null && unpackedStep(before.format) === unpackedStep(format);
  return codes === null || laidOut
    ? []
    : [quantizeDispatch({ x, codes, format, rows, rounding }, tuning.quantizeLanes)];
}

function productDispatch(
  args: Args,
  part: Part,
  { tiling, grid, blocks }: Cut,
  tuning: Tuning,
  nothing: GPUBuffer,
): Dispatch {
  const { x, bias, out, codes = null, norm = null, experts = null } = args;
  const buffers = [(codes ?? x).data, bias?.data ?? nothing, out.data, norm?.weight.data ?? nothing];
  return {
    spec: productSpec(args, part, tiling, tuning),
    buffers: experts === null ? buffers : [...buffers, experts.routing.order],
    weight: weightBuffers(part, nothing),
    params: productParams(args, part, blocks),
    grid,
  };
}

type ProductTiling = Tiling | PanelTiling | GemmTiling | StagedTiling;

/** How the product of a part is cut. */
interface Cut {
  readonly tiling: ProductTiling;
  /** Workgroups. */
  readonly grid: [number, number, number];
  /** Along K, of each workgroup. */
  readonly blocks: number;
}

/** A row that is normalised on the way is staged in the type of activations. */
function stagedProduct(args: Args, part: Part, tuning: Tuning): StagedTiling | null {
  const { x, rows, codes = null, norm = null } = args;
  if (norm === null) return stagedTiling(rows, part, (codes ?? x).type, tuning);
  return stagesNorm(args, tuning) ? stagedNormTiling(rows, part, norm.out.type, tuning) : null;
}

function cut(args: Args, part: Part, tilings: Tilings): Cut {
  const { x, weight, rows, codes = null, experts = null } = args;
  const [blocks] = weightShape(part);
  if (experts !== null) {
    const { routing } = experts;
    const tiles = expertTiling(rows, routing, (codes ?? x).type, tilings.tuning);
    return { tiling: tiles.tiling, grid: expertGrid(tiles, weight.rows / routing.numExperts), blocks };
  }
  const key = tilings.keyOf(part, codes === null ? 'float' : 'int8');
  const { type } = codes ?? x;
  const { tuning } = tilings;
  const tiling =
    gemmTiling(rows, type, tuning) ??
    panelTiling(rows, type, tuning) ??
    stagedProduct(args, part, tuning) ??
    tilings.for(key, rows);
  return { tiling, grid: tiling.grid(part.rows), blocks };
}

function productSpec(args: Args, part: Part, tiling: ProductTiling, tuning: Tuning): PipelineSpec {
  const { x, out, codes = null, norm = null, gated = null, activation, experts = null } = args;
  const { kernel, constants, lanes } = tiling;
  const own = codes === null ? { ...constants, ...floatConstants(kernel, norm !== null, tuning) } : constants;
  return {
    kernel:
      kernel === 'linear_row' || kernel === 'linear_tile' ? withActivations(kernel, codes !== null) : kernel,
    matrix: kernel === 'linear_gemm' ? tiling.matrix : undefined,
    tile: kernel === 'linear_gemm' ? tiling.tile : undefined,
    unroll: loopsOf(tiling, part),
    weight: part.format.reader,
    types: { X: (codes ?? x).type, Y: out.type, ...(kernel === 'linear_staged' ? { H: 'f16' } : {}) },
    constants: {
      ...own,
      ...(gated === null ? {} : activationConstants(activation)),
      ...weightConstants(part),
    },
    lanes,
    routing: experts === null ? undefined : 'experts',
    half: decodesHalves(tiling, args, part, tuning),
    dot: codes === null ? undefined : dotFor(part.format.bits, tuning),
  };
}

/** Loops that are written out. */
function loopsOf(tiling: ProductTiling, { format }: Part): PipelineSpec['unroll'] {
  if (tiling.kernel === 'linear_gemm') return gemmLoops(format.reader, tiling);
  return tiling.kernel === 'linear_staged' ? tiling.unroll : undefined;
}

/** Whether codes are decoded to pairs of f16. */
function decodesHalves(
  tiling: ProductTiling,
  { x, codes = null, norm = null }: Args,
  part: Part,
  tuning: Tuning,
): boolean {
  if (tiling.kernel === 'linear_gemm') return decodesStaged(part.format.reader, tiling);
  if (tiling.kernel === 'linear_staged') return HALF_READERS.has(part.format.reader);
  return (
    tiling.kernel === 'linear_row' && codes === null && norm === null && usesHalves(part, x.type, tuning)
  );
}

/** `linear_tile` must sum as `linear_panel` does where both are taken, so that a text does not depend on its batch. */
function floatConstants(
  kernel: KernelName,
  norm: boolean,
  { panelTokens }: Tuning,
): PipelineSpec['constants'] {
  const own = { NORM: norm ? 1 : 0 };
  return kernel === 'linear_tile' ? { ...own, SCALES_FIRST: panelTokens === null ? 0 : 1 } : own;
}

function withActivations(kernel: Tiling['kernel'], int8: boolean): KernelName {
  return int8 ? `${kernel}_int8` : kernel;
}

/** @param blocks along K, of each workgroup */
function productParams(args: Args, part: Part, blocks: number): Uint32Array {
  const { x, weight, bias, out, rows, accumulate, codes = null, norm = null, gated = null, scale = 1 } = args;
  const { routing, of } = args.experts ?? { routing: null, of: 'tokens' };
  const { stride } = codes ?? x;
  const outputs = routing === null ? part.rows : weight.rows / routing.numExperts;
  return new Params()
    .u32(rows, outputs, part.rows, part.rowStart, stride / 4, out.stride)
    .u32(bias === null ? 0 : 1, accumulate ? 1 : 0, gated === null ? 0 : outputs / 2, part.cols)
    .f32(norm?.eps ?? 0, scale)
    .u32(routing === null ? 0 : tilesOffset(routing), of === 'tokens' ? (routing?.topK ?? 1) : 1)
    .u32(blocks, ...weightShape(part)).words;
}
