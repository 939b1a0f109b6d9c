import { WebGpuOps, type WebGpuOptions } from '#halflight/webgpu/ops.js';
import { laneCases, panelCases } from './cases.js';
import { compareBackends, compareWithReference } from './compare.js';
import { testDevice } from './device.js';
import { OPERATION_TOLERANCES } from './tolerances.js';

/** What a process found that ran the cases on workgroups as wide as the adapter's subgroups. */
export interface SubgroupReport {
  readonly subgroupSize: number;
  /** Kernels that took the subgroup's way to add up or to share. */
  readonly kernels: readonly string[];
  readonly differences: readonly string[];
}

// The size of lavapipe's subgroups is read from the environment when the driver is loaded, so each size needs a process of its own.
const device = await testDevice();
const { subgroupMinSize: lanes = 0, subgroupMaxSize } = device.adapterInfo;
const tuning: WebGpuOptions = {
  rowLanes: lanes,
  tileLanes: lanes,
  attentionLanes: lanes,
  attentionTokens: 2,
  sharesQueries: true,
  attentionWorkgroups: 264,
  tileTokens: [4],
  panelTokens: 5,
  maxRowTokens: 2,
};
const ops = new WebGpuOps(device, 'f32', tuning);
const differences: string[] = [];
for (const [name, run] of lanes === subgroupMaxSize ? laneCases() : []) {
  const difference = await compareWithReference(ops, run, OPERATION_TOLERANCES.f32);
  if (difference !== null) differences.push(`${name}: ${difference}`);
}
// A token's sum runs in one order in panels and in tiles, so that a text does not depend on its batch: the same bytes.
const tiles = new WebGpuOps(device, 'f32', { ...tuning, panelTokens: Number.POSITIVE_INFINITY });
for (const [name, run] of lanes === subgroupMaxSize ? panelCases() : []) {
  const difference = await compareBackends(tiles, ops, run, { absolute: 0, relative: 0 });
  if (difference !== null) differences.push(`${name}, panels against tiles: ${difference}`);
}
const kernels = ops.pipelines.filter((spec) => spec.lanes === 'subgroup').map(({ kernel }) => kernel);
const report: SubgroupReport = { subgroupSize: lanes, kernels: [...new Set(kernels)].sort(), differences };
process.send?.(report);
device.destroy();
process.disconnect?.();
