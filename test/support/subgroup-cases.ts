import { WebGpuOps, type WebGpuOptions } from '#halflight/webgpu/ops.js';
import { type Cases, laneCases, panelCases } from './cases.js';
import { attentionCases } from './cases-batch.js';
import { compareBackends, compareWithReference } from './compare.js';
import { testDevice } from './device.js';
import { OPERATION_TOLERANCES } from './tolerances.js';

/** What a process found that ran the cases on workgroups as wide as the adapter's subgroups. */
export interface SubgroupReport {
  readonly subgroupSize: number;
  /** Kernels that took the subgroups' way to add up or to share. */
  readonly kernels: readonly string[];
  readonly differences: readonly string[];
}

// The size of lavapipe's subgroups is read from the environment when the driver is loaded, so each size needs a process of its own.
const device = await testDevice();
const { subgroupMinSize: lanes = 0, subgroupMaxSize } = device.adapterInfo;
const tuning: WebGpuOptions = {
  normLanes: 32,
  normVectors: 8,
  headLanes: 32,
  subgroupSums: true,
  rowLanes: lanes,
  tileLanes: lanes,
  attentionLanes: lanes,
  attentionTokens: 2,
  sharesQueries: true,
  attentionWorkgroups: 264,
  single: null,
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
const sizes = { subgroups: 2, positions: 4, rowLanes: 8, heads: 4, splitPositions: 32, wholePositions: 128 };
const singles = new WebGpuOps(device, 'f32', { ...tuning, single: sizes });
for (const [name, run] of lanes === subgroupMaxSize ? singleCases() : []) {
  const difference = await compareWithReference(singles, run, OPERATION_TOLERANCES.f32);
  if (difference !== null) differences.push(`${name}, single tokens: ${difference}`);
}

/** A head of 40 dimensions leaves lanes of a row without any. Each takes a software adapter long to compile. */
function singleCases(): Cases {
  const cases = attentionCases().filter(([name]) => name.includes('"headDim":40}'));
  return [/window 5 over int8/, /150.*"start":33.*f16.*out$/, /299.*"sinks":true}, out$/].flatMap((pattern) =>
    cases.filter(([name]) => pattern.test(name)).slice(0, 1),
  );
}

const kernels = [...ops.pipelines, ...singles.pipelines]
  .filter(({ lanes }) => lanes === 'subgroup' || lanes === 'subgroups')
  .map(({ kernel }) => kernel);
const report: SubgroupReport = { subgroupSize: lanes, kernels: [...new Set(kernels)].sort(), differences };
process.send?.(report);
device.destroy();
process.disconnect?.();
