import t from 'tap';
import { type Tuning, tuningFor } from '#halflight/webgpu/tuning.js';

interface Adapter {
  readonly device: string;
  readonly description?: string;
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
}

function tuningOf(adapterInfo: Adapter, features: readonly string[] = ['subgroups']): Tuning {
  return tuningFor({ adapterInfo, features: new Set(features) } as object as GPUDevice);
}

const HARDWARE = tuningOf({ device: 'NVIDIA H200', description: 'NVIDIA: 550.54' });

t.test('software adapters get narrower workgroups than GPUs', (t) => {
  for (const software of [
    tuningOf({ device: 'llvmpipe (LLVM 15.0.6, 256 bits)', description: 'Mesa 25.0.7' }),
    tuningOf({ device: 'SwiftShader Device' }),
  ]) {
    t.ok(software.rowLanes < HARDWARE.rowLanes);
    t.ok(software.tileLanes < HARDWARE.tileLanes);
    t.equal(software.attentionWorkgroups, 0, 'and never split a context');
  }
  t.end();
});

t.test('workgroups that reduce are powers of two, as the reductions need, and within every device', (t) => {
  for (const tuning of [HARDWARE, tuningOf({ device: 'llvmpipe' })]) {
    const { normLanes, headLanes, attentionLanes, sampleLanes, rowLanes } = tuning;
    for (const lanes of [normLanes, headLanes, attentionLanes, sampleLanes, rowLanes]) {
      t.ok(Number.isInteger(Math.log2(lanes)) && lanes <= 256, String(lanes));
    }
  }
  t.end();
});

t.test('tiles ascend from one token, include the one of batch invariance, and fit the kernel', (t) => {
  for (const { tileTokens } of [HARDWARE, tuningOf({ device: 'llvmpipe' })]) {
    t.strictSame(
      [...tileTokens].sort((a, b) => a - b),
      [...tileTokens],
    );
    t.equal(tileTokens[0], 1);
    t.ok(tileTokens.includes(4) && Math.max(...tileTokens) <= 8, String(tileTokens));
  }
  t.end();
});

t.test('a subgroup has a known size only where the device has subgroups and all are alike', (t) => {
  const fixed = { device: 'a', subgroupMinSize: 32, subgroupMaxSize: 32 };
  t.equal(tuningOf(fixed).subgroupSize, 32);
  t.equal(tuningOf(fixed, []).subgroupSize, null);
  t.equal(tuningOf({ ...fixed, subgroupMinSize: 8 }).subgroupSize, null);
  t.equal(tuningOf({ device: 'a' }).subgroupSize, null);
  t.end();
});
