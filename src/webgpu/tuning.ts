/** Sizes of workgroups, and where one kernel takes over from another. Set per adapter. */
export interface Tuning {
  readonly normLanes: number;
  readonly headLanes: number;
  readonly attentionLanes: number;
  readonly sampleLanes: number;
  /** Lanes that share K in `linear_row`. */
  readonly rowLanes: number;
  /** Tiles of 4 outputs in a workgroup of `linear_tile`. */
  readonly tileLanes: number;
  /** Up to so many tokens go through `linear_row`. */
  readonly maxRowTokens: number;
}

const GPU: Tuning = {
  normLanes: 128,
  headLanes: 32,
  attentionLanes: 64,
  sampleLanes: 256,
  rowLanes: 32,
  tileLanes: 32,
  maxRowTokens: 3,
};

/** A software adapter runs a subgroup as one SIMD vector: 8 lanes are enough, more only add barriers. */
const SOFTWARE: Tuning = {
  normLanes: 32,
  headLanes: 32,
  attentionLanes: 32,
  sampleLanes: 64,
  rowLanes: 8,
  tileLanes: 8,
  maxRowTokens: 3,
};

export function tuningFor(device: GPUDevice): Tuning {
  return /llvmpipe|swiftshader/i.test(`${device.adapterInfo.device} ${device.adapterInfo.description}`)
    ? SOFTWARE
    : GPU;
}
