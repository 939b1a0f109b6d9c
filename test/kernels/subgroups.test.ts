import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { isSoftware } from '#halflight/webgpu/adapter.js';
import { testDevice } from '../support/device.js';
import type { SubgroupReport } from '../support/subgroup-cases.js';

t.setTimeout(280_000);
const device = await testDevice();
const { description, device: name } = device.adapterInfo;
const lavapipe = isSoftware(device.adapterInfo) && /llvmpipe/i.test(`${name} ${description}`);
device.destroy();

/** Runs the cases where lavapipe's vectors have so many bits. Its cache of shaders does not tell the sizes apart. */
async function reportOf(vectorBits: number): Promise<SubgroupReport> {
  const env = { LP_NATIVE_VECTOR_WIDTH: String(vectorBits), MESA_SHADER_CACHE_DISABLE: 'true' };
  const child = fork(fileURLToPath(new URL('../support/subgroup-cases.js', import.meta.url)), {
    env: { ...process.env, ...env },
    timeout: 240_000,
  });
  // A process that dies has no report, but an exit code.
  const [report] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  return report as SubgroupReport;
}

const SHARING = ['attention_single', 'linear_row', 'linear_row_int8'];
const SUMS = ['rms_norm', 'rms_norm_vectors', 'rope_cache'];
/** Activations go round a subgroup of 8 lanes at least. */
const WIDE = ['attention', ...SHARING, 'linear_panel', 'linear_tile', 'linear_tile_int8'];

for (const [size, kernels] of [
  [4, [...SHARING, ...SUMS]],
  [16, [...WIDE, ...SUMS].sort()],
] as const) {
  t.test(`kernels that use subgroups are right with ${size} lanes in each`, async (t) => {
    t.setTimeout(280_000);
    if (!lavapipe) {
      t.comment('only lavapipe can be asked for subgroups of another size');
      return;
    }
    t.strictSame(await reportOf(32 * size), { subgroupSize: size, kernels, differences: [] });
  });
}
