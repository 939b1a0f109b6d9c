import t from 'tap';
import { WebGpuOps } from '#halflight/webgpu/ops.js';
import { otherRoundingCases, roundingsOf } from '../support/cases.js';
import { compareWithReference } from '../support/compare.js';
import { testDevice } from '../support/device.js';
import { OPERATION_TOLERANCES } from '../support/tolerances.js';

t.setTimeout(280_000);
const device = await testDevice();
t.teardown(() => device.destroy());

t.test(
  'activations are rounded alike for every reader of integers, and in integers alone to the bit',
  async (t) => {
    t.setTimeout(280_000);
    const ops = new WebGpuOps(device, 'f32');
    for (const [name, run] of otherRoundingCases()) {
      t.equal(await compareWithReference(ops, run, OPERATION_TOLERANCES.f32), null, name);
    }
  },
);

t.test('activations in f16 are rounded as the reference rounds them', async (t) => {
  t.setTimeout(280_000);
  const ops = new WebGpuOps(device, 'f16');
  for (const [name, run] of roundingsOf('int8')) {
    t.equal(await compareWithReference(ops, run, OPERATION_TOLERANCES.f16), null, name);
  }
});
