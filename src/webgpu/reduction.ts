import type { PipelineSpec } from './pipelines.js';
import type { Tuning } from './tuning.js';

type ReductionTuning = Pick<Tuning, 'subgroupSums' | 'subgroupSize'>;

/** How the lanes of a workgroup add up (`#include reduce`), which are a power of two: through shared memory, or first within subgroups. */
export function reduction(
  lanes: number,
  { subgroupSums, subgroupSize }: ReductionTuning,
): Pick<PipelineSpec, 'lanes' | 'constants'> {
  if (!subgroupSums || subgroupSize === null || lanes % subgroupSize !== 0)
    return { constants: { LANES: lanes } };
  return { lanes: 'subgroups', constants: { LANES: lanes, SUBGROUP_LANES: subgroupSize } };
}
