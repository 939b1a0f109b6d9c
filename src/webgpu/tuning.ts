/** Sizes of workgroups, where one kernel takes over from another, and how results are waited for. Set per adapter. */
export interface Tuning {
  readonly normLanes: number;
  readonly headLanes: number;
  readonly attentionLanes: number;
  /** Neighbouring tokens of a sequence in a tile of `attention`, at most; 16 at most. */
  readonly attentionTokens: number;
  /** Workgroups of `attention` that a step's single tokens are split into where they are fewer, about; 0 splits none. */
  readonly attentionWorkgroups: number;
  readonly sampleLanes: number;
  /** Blocks of 32 values in a workgroup of `quantize_rows`. */
  readonly quantizeLanes: number;
  /** Lanes that share K in `linear_row`. */
  readonly rowLanes: number;
  /** Tiles of 4 outputs in a workgroup of `linear_tile`. */
  readonly tileLanes: number;
  /** Tokens in a tile of `linear_tile`: the sizes to choose from, ascending, 8 at most. */
  readonly tileTokens: readonly number[];
  /** Lanes of `linear_tile` and `attention` hand activations round their subgroup instead of each loading all. */
  readonly sharesActivations: boolean;
  /** Lanes of every subgroup; null where subgroups are missing or vary in size. */
  readonly subgroupSize: number | null;
  /** The shading language multiplies packed bytes itself (`packed_4x8_integer_dot_product`). */
  readonly packedDot: boolean;
  /** 4-bit weights meet INT8 activations two by two in 32-bit products, faster where a product of four bytes is no instruction. */
  readonly pairedDot: boolean;
  /** Up to so many tokens go through `linear_row`. */
  readonly maxRowTokens: number;
  /** Sleep between two looks for finished work, ms; 0 looks all the time, which keeps a core busy and sees the end at once. */
  readonly dozeMs: number;
  /** The same tiling for any number of tokens, so that a result does not depend on what else is in the batch. */
  readonly batchInvariant: boolean;
}

const GPU = {
  normLanes: 128,
  headLanes: 32,
  attentionLanes: 32,
  attentionTokens: 8,
  // Two for each multiprocessor of a large GPU.
  attentionWorkgroups: 264,
  sampleLanes: 256,
  quantizeLanes: 32,
  rowLanes: 32,
  tileLanes: 32,
  tileTokens: [1, 4],
  sharesActivations: false,
  pairedDot: false,
  maxRowTokens: 3,
  dozeMs: 0,
  batchInvariant: false,
} as const satisfies Partial<Tuning>;

/** A software adapter runs a subgroup as one SIMD vector: 8 lanes are enough, more only add barriers. It loads lane by lane. */
const SOFTWARE = {
  normLanes: 16,
  headLanes: 16,
  attentionLanes: 8,
  attentionTokens: 8,
  attentionWorkgroups: 0,
  sampleLanes: 16,
  quantizeLanes: 8,
  rowLanes: 8,
  tileLanes: 8,
  tileTokens: [1, 4, 8],
  sharesActivations: true,
  pairedDot: true,
  maxRowTokens: 0,
  dozeMs: 0.2,
  batchInvariant: false,
} as const satisfies Partial<Tuning>;

export function tuningFor(device: GPUDevice): Tuning {
  const { device: name, description, subgroupMinSize, subgroupMaxSize } = device.adapterInfo;
  const software = /llvmpipe|swiftshader/i.test(`${name} ${description}`);
  const fixed = device.features.has('subgroups') && subgroupMinSize === subgroupMaxSize;
  return {
    ...(software ? SOFTWARE : GPU),
    subgroupSize: fixed ? (subgroupMinSize ?? null) : null,
    packedDot: true,
  };
}
