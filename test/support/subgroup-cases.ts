import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { laneCases } from './cases.js';
import { compareWithReference } from './compare.js';
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
const ops = new WebGpuOps(device, 'f32', {
  rowLanes: lanes,
  tileLanes: lanes,
  attentionLanes: lanes,
  attentionTokens: 2,
  sharesQueries: true,
  attentionWorkgroups: 264,
  tileTokens: [4],
  panelTokens: 5,
  maxRowTokens: 2,
});
const differences: string[] = [];
for (const [name, run] of lanes === subgroupMaxSize ? laneCases() : []) {
  const difference = await compareWithReference(ops, run, OPERATION_TOLERANCES.f32);
  if (difference !== null) differences.push(`${name}: ${difference}`);
}
const kernels = ops.pipelines.filter((spec) => spec.lanes === 'subgroup').map(({ kernel }) => kernel);
const report: SubgroupReport = { subgroupSize: lanes, kernels: [...new Set(kernels)].sort(), differences };
process.send?.(report);
device.destroy();
process.disconnect?.();
