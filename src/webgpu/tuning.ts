import { isSoftware } from './adapter.js';
import type { MatrixSize, TilePart } from './shaders.js';

/** Sizes of workgroups, where one kernel takes over from another, and how results are waited for. Set per adapter. */
export interface Tuning {
  readonly normLanes: number;
  /** Vectors of four that a lane of `rms_norm_vectors` holds, at most; longer rows take `rms_norm`, and where it is 0 all do. */
  readonly normVectors: number;
  readonly headLanes: number;
  readonly attentionLanes: number;
  /** Neighbouring tokens of a sequence in a tile of `attention`, at most; 16 at most. */
  readonly attentionTokens: number;
  /** Pairs of a token and a head in a tile of `attention`, at most; 24 at most. */
  readonly attentionQueries: number;
  /** Workgroups of `attention` that a step's single tokens are split into where they are fewer, about; 0 splits none. */
  readonly attentionWorkgroups: number;
  /** How `attention_single` takes single tokens where subgroups have a known size; null where they go through `attention` too. */
  readonly single: SingleTuning | null;
  /** Splits whose results a workgroup of `attention_merge` loads at once. */
  readonly mergeSplits: number;
  readonly sampleLanes: number;
  /** Blocks of 32 values in a workgroup of `quantize_rows`. */
  readonly quantizeLanes: number;
  /** Lanes that share K in `linear_row`. */
  readonly rowLanes: number;
  /** Tiles of 4 outputs in a workgroup of `linear_tile`. */
  readonly tileLanes: number;
  /** Tokens in a tile of `linear_tile`: the sizes to choose from, ascending, 8 at most. */
  readonly tileTokens: readonly number[];
  /** Lanes of the products, and of `attention`, hand activations round their subgroup instead of each loading all. */
  readonly sharesActivations: boolean;
  readonly sharesQueries: boolean;
  /** Lanes of every subgroup; null where subgroups are missing or vary in size. */
  readonly subgroupSize: number | null;
  /** Norms, sampling and rotation add up within subgroups of that size, and then those, instead of by halves of the workgroup. */
  readonly subgroupSums: boolean;
  /** The shading language multiplies packed bytes itself (`packed_4x8_integer_dot_product`). */
  readonly packedDot: boolean;
  /** 4-bit weights meet INT8 activations two by two in 32-bit products, faster where a product of four bytes is no instruction. */
  readonly pairedDot: boolean;
  /** `linear_row` multiplies codes with f16 activations two at a time, in short sums of f16. */
  readonly halfDot: boolean;
  /** Workgroups of `linear_staged`, by ascending bytes of a row: longer rows take more lanes. */
  readonly stagedTiles: readonly StagedTile[];
  /** The same of those that normalise their activations; rows that none takes, and more tokens than these, are normalised apart. */
  readonly stagedNorms: readonly StagedTile[];
  readonly maxStagedNormTokens: number;
  /** Up to so many tokens go through `linear_row` or `linear_staged`. */
  readonly maxRowTokens: number;
  /** Products of up to so many tokens normalise their activations themselves: a dispatch less, for some work in every workgroup. */
  readonly maxFusedNormTokens: number;
  /** From so many tokens on products of floats go through `linear_panel` where lanes hand activations round; null where they never do. */
  readonly panelTokens: number | null;
  /** From so many tokens on products of floats go through `linear_gemm`; null where they never do. */
  readonly gemmTokens: number | null;
  /** The same where subgroups multiply matrices, which few tokens pay for. */
  readonly matrixTokens: number;
  /** Workgroups of `linear_gemm` that a product is split into along K where its tiles are fewer, at most; 0 splits none. */
  readonly gemmWorkgroups: number;
  /** Tiles of `linear_gemm` where subgroups multiply matrices: those to choose from, by ascending tokens. */
  readonly matrixTiles: readonly MatrixTile[];
  /** Shared memory of a workgroup, bytes, and its lanes, at most. */
  readonly workgroupBytes: number;
  readonly workgroupLanes: number;
  /** What subgroups multiply in `linear_gemm` where activations are f16; null where lanes sum in registers. */
  readonly subgroupMatrix: SubgroupMatrix | null;
  /** Sleep between two looks for finished work, ms; 0 looks all the time, which keeps a core busy and sees the end at once. */
  readonly dozeMs: number;
  readonly autotune: AutotuneSettings;
}

/** Of a workgroup of `linear_staged`. */
export interface StagedTile {
  /** Of the codes of a row, at most. */
  readonly rowBytes: number;
  /** Pairs of outputs, and lanes of each: whole subgroups. */
  readonly pairs: number;
  readonly lanes: number;
}

/** Sizes of `attention_single`. */
export interface SingleTuning {
  /** Subgroups of a workgroup. */
  readonly subgroups: number;
  /** Positions that a subgroup loads at once. */
  readonly positions: number;
  /** Lanes along a row of K or V, at most: a power of two. Fewer have more of the row each, and add up in fewer stages. */
  readonly rowLanes: number;
  /** Query heads of a workgroup, at most. */
  readonly heads: number;
  /** Positions of a split, at least. */
  readonly splitPositions: number;
  /** Positions that a token sees and that are not split, at most: fewer take no longer than the dispatch that merges splits. */
  readonly wholePositions: number;
}

/** What autotuning tries beside the default, and how long. */
export interface AutotuneSettings {
  /** Kernel, lanes, and tokens in a tile. */
  readonly candidates: readonly (readonly ['linear_row' | 'linear_tile', number, number])[];
  /** Tokens that stand for any number beyond 8. */
  readonly manyTokens: number;
  /** Length of a measurement, ms. */
  readonly targetMs: number;
  /** Time that the adapter is kept busy before the first of them, so that it has raised its clocks, ms. */
  readonly warmUpMs: number;
  /** Time for all of them after compiling, ms. */
  readonly budgetMs: number;
}

/**
 * What a workgroup of `linear_gemm` computes, and how its subgroups share it: their parts, whole multiples of 16, cover it. Where shared memory is
 * too small for it, one set does, and then shorter steps.
 */
export interface MatrixTile {
  readonly tokens: number;
  readonly outputs: number;
  readonly part: TilePart;
}

export interface SubgroupMatrix extends MatrixSize {
  /** Lanes of the adapter's largest subgroup. */
  readonly maxLanes: number;
}

const GPU = {
  normLanes: 256,
  normVectors: 8,
  subgroupSums: true,
  headLanes: 32,
  attentionLanes: 32,
  attentionTokens: 8,
  attentionQueries: 16,
  // Two for each multiprocessor of a large GPU.
  attentionWorkgroups: 264,
  single: { subgroups: 4, positions: 8, rowLanes: 16, heads: 4, splitPositions: 32, wholePositions: 128 },
  mergeSplits: 16,
  sampleLanes: 1024,
  quantizeLanes: 32,
  rowLanes: 32,
  tileLanes: 32,
  tileTokens: [1, 4],
  sharesActivations: false,
  sharesQueries: false,
  pairedDot: false,
  halfDot: true,
  stagedTiles: [
    { rowBytes: 4096, pairs: 8, lanes: 32 },
    { rowBytes: Number.POSITIVE_INFINITY, pairs: 16, lanes: 64 },
  ],
  // A lane normalises one chunk of 4,096 activations.
  stagedNorms: [
    { rowBytes: 4096, pairs: 16, lanes: 32 },
    { rowBytes: 16_384, pairs: 8, lanes: 64 },
  ],
  maxStagedNormTokens: 1,
  maxRowTokens: 16,
  // In a product each workgroup would load the whole row in f32, and the norm's weight: more than its part of the weight.
  maxFusedNormTokens: 0,
  panelTokens: null,
  gemmTokens: 32,
  matrixTokens: 5,
  // Two for each multiprocessor of a large GPU: more would only leave more sums to add up.
  gemmWorkgroups: 264,
  // A subgroup that multiplies more loads less from shared memory for each product, and wider tiles load activations less often; but each f32
  // sum of a lane takes a register.
  matrixTiles: [
    { tokens: 16, outputs: 64, part: { tokens: 16, outputs: 16, stepBlocks: 2, sets: 1 } },
    { tokens: 32, outputs: 64, part: { tokens: 32, outputs: 16, stepBlocks: 2, sets: 1 } },
    { tokens: 64, outputs: 64, part: { tokens: 32, outputs: 32, stepBlocks: 2, sets: 1 } },
    { tokens: 128, outputs: 128, part: { tokens: 64, outputs: 64, stepBlocks: 1, sets: 1 } },
  ],
  dozeMs: 0,
  autotune: {
    candidates: [
      ['linear_row', 32, 1],
      ['linear_row', 64, 1],
      ['linear_row', 128, 1],
      ['linear_tile', 32, 1],
      ['linear_tile', 64, 1],
      ['linear_tile', 32, 2],
      ['linear_tile', 32, 4],
      ['linear_tile', 64, 4],
      ['linear_tile', 32, 8],
      ['linear_tile', 64, 8],
    ],
    manyTokens: 128,
    targetMs: 1,
    warmUpMs: 200,
    budgetMs: 1000,
  },
} as const satisfies Partial<Tuning>;

/** A software adapter runs a subgroup as one SIMD vector: 8 lanes are enough, more only add barriers. It loads lane by lane. */
const SOFTWARE = {
  normLanes: 16,
  normVectors: 0,
  subgroupSums: false,
  headLanes: 16,
  attentionLanes: 8,
  attentionTokens: 8,
  attentionQueries: 16,
  attentionWorkgroups: 0,
  single: null,
  mergeSplits: 4,
  sampleLanes: 16,
  quantizeLanes: 8,
  rowLanes: 8,
  tileLanes: 8,
  tileTokens: [1, 4, 8],
  sharesActivations: true,
  sharesQueries: true,
  pairedDot: true,
  halfDot: false,
  stagedTiles: [],
  stagedNorms: [],
  maxStagedNormTokens: 0,
  maxRowTokens: 0,
  maxFusedNormTokens: Number.POSITIVE_INFINITY,
  panelTokens: null,
  gemmTokens: null,
  matrixTokens: 4,
  gemmWorkgroups: 0,
  matrixTiles: [{ tokens: 64, outputs: 64, part: { tokens: 32, outputs: 32, stepBlocks: 2, sets: 1 } }],
  dozeMs: 0.2,
  // Each takes a quarter of a second or more to compile; tiles of several tokens are slower with any other number of lanes.
  autotune: {
    candidates: [
      ['linear_tile', 8, 1],
      ['linear_tile', 16, 1],
      ['linear_tile', 8, 2],
      ['linear_tile', 8, 4],
      ['linear_tile', 8, 8],
    ],
    manyTokens: 16,
    targetMs: 5,
    warmUpMs: 0,
    budgetMs: 2000,
  },
} as const satisfies Partial<Tuning>;

/**
 * With vectors of 16 lanes or more, which only compilers have that load what is the same for all lanes once: then loads together and broadcasts
 * pay for activations, of which a lane needs many, and not for queries.
 */
const WIDE_LANES = 16;
const WIDE_SOFTWARE = {
  ...SOFTWARE,
  attentionLanes: WIDE_LANES,
  attentionQueries: 24,
  tileLanes: WIDE_LANES,
  sharesQueries: false,
  panelTokens: 9,
  autotune: {
    ...SOFTWARE.autotune,
    candidates: [
      ['linear_tile', 16, 1],
      ['linear_tile', 32, 1],
      ['linear_tile', 16, 2],
      ['linear_tile', 16, 4],
      ['linear_tile', 16, 8],
    ],
  },
} as const satisfies Partial<Tuning>;

/** The defaults of the adapter's class, with what its device has. */
export function tuningFor(device: GPUDevice): Tuning {
  const { subgroupMinSize, subgroupMaxSize } = device.adapterInfo;
  const fixed = device.features.has('subgroups') && subgroupMinSize === subgroupMaxSize;
  const subgroupSize = fixed ? (subgroupMinSize ?? null) : null;
  const software = subgroupSize === WIDE_LANES ? WIDE_SOFTWARE : SOFTWARE;
  const tuning: typeof GPU | typeof software = isSoftware(device.adapterInfo) ? software : GPU;
  const { maxComputeInvocationsPerWorkgroup: maxLanes, maxComputeWorkgroupStorageSize } = device.limits;
  return {
    ...tuning,
    normLanes: lanesWithin(tuning.normLanes, maxLanes),
    sampleLanes: lanesWithin(tuning.sampleLanes, maxLanes),
    subgroupSize,
    packedDot: true,
    workgroupBytes: maxComputeWorkgroupStorageSize,
    workgroupLanes: maxLanes,
    // Mesa 26.1's lavapipe crashes as it compiles such matrices for vectors of 512 bits.
    subgroupMatrix: tuning === WIDE_SOFTWARE ? null : subgroupMatrix(device),
  };
}

/** The greatest power of two within both, as reductions need one. */
function lanesWithin(wanted: number, most: number): number {
  return 2 ** Math.floor(Math.log2(Math.min(wanted, most)));
}

/** Tokens in every tile of `linear_tile` where results must not depend on the batch. */
const INVARIANT_TOKENS = 4;

/**
 * The same kernels, cut alike, for any number of tokens and any batch, so that a result does not depend on what else is computed.
 * A norm within a product puts its factor last: then all products have theirs within, or none.
 */
export function batchInvariant(tuning: Tuning): Tuning {
  const all = tuning.maxFusedNormTokens === Number.POSITIVE_INFINITY;
  return {
    ...tuning,
    tileTokens: [INVARIANT_TOKENS],
    maxRowTokens: 0,
    maxFusedNormTokens: all ? Number.POSITIVE_INFINITY : 0,
    maxStagedNormTokens: 0,
    panelTokens: null,
    gemmTokens: null,
    attentionWorkgroups: 0,
    single: null,
  };
}

/** What @webgpu/types does not know yet of an adapter's information. */
interface MatrixInfo {
  readonly subgroupMatrixConfigs?: Iterable<MatrixConfig>;
}

/** Dawn's `GPUSubgroupMatrixConfig`. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Lanes that every device allows in a workgroup. */
const MAX_LANES = 256;

/** The first size, so the adapter's favourite, that takes f16 to f32 and divides the parts of `linear_gemm`'s tiles: K into units of 8 values. */
function subgroupMatrix({ features, adapterInfo }: GPUDevice): SubgroupMatrix | null {
  const { subgroupMatrixConfigs = [] } = adapterInfo as MatrixInfo;
  const { subgroupMaxSize: maxLanes } = adapterInfo;
  if (!features.has('chromium-experimental-subgroup-matrix')) return null;
  if (maxLanes === undefined || 4 * maxLanes > MAX_LANES) return null;
  const fits = ({ M, N, K, componentType, resultComponentType }: MatrixConfig) =>
    componentType === 'f16' &&
    resultComponentType === 'f32' &&
    [M, N].every((size) => 16 % size === 0) &&
    32 % K === 0 &&
    K % 8 === 0;
  const config = [...subgroupMatrixConfigs].find(fits);
  return config === undefined ? null : { m: config.M, n: config.N, k: config.K, maxLanes };
}
